package ecsservice

import (
	"fmt"
	"slices"
	"strings"
)

// fargateSize is the memory that Fargate offers with a number of CPU units: from
// min to max MiB in steps.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
type fargateSize struct{ cpu, min, max, step int }

var fargateSizes = []fargateSize{
	{256, 512, 2048, 512}, // 512, 1024 and 2048: see memories
	{512, 1024, 4096, 1024},
	{1024, 2048, 8192, 1024},
	{2048, 4096, 16384, 1024},
	{4096, 8192, 30720, 1024},
	{8192, 16384, 61440, 4096},
	{16384, 32768, 122880, 8192},
}

func (s fargateSize) memories() []int {
	var list []int
	for m := s.min; m <= s.max; m += s.step {
		if s.cpu != 256 || m != 1536 {
			list = append(list, m)
		}
	}
	return list
}

// CheckSize returns an error unless Fargate has tasks with the CPU units and the
// memory in MiB; the error names the sizes that it has.
func CheckSize(cpu, memory int) error {
	var cpus []string
	for _, size := range fargateSizes {
		if size.cpu != cpu {
			cpus = append(cpus, fmt.Sprint(size.cpu))
			continue
		}
		if slices.Contains(size.memories(), memory) {
			return nil
		}
		return fmt.Errorf("Fargate has no task with cpu %d and memory %d: with cpu %d choose memory %s",
			cpu, memory, cpu, strings.Trim(strings.Join(strings.Fields(fmt.Sprint(size.memories())), ", "), "[]"))
	}
	return fmt.Errorf("Fargate has no task with cpu %d: choose one of %s", cpu, strings.Join(cpus, ", "))
}
