//go:build unix

// Command measure runs a command and prints how long it took and the largest
// resident set of it and of what it started.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: measure COMMAND [ARGUMENT ...]")
		os.Exit(2)
	}
	command := exec.Command(os.Args[1], os.Args[2:]...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	start := time.Now()
	err := command.Run()
	var usage syscall.Rusage
	if e := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &usage); e != nil {
		fmt.Fprintln(os.Stderr, "measuring:", e)
	}
	fmt.Printf("%.0f s, peak memory of one process %.2f GB\n", time.Since(start).Seconds(), float64(usage.Maxrss)/(1<<20))
	if err != nil {
		fmt.Fprintln(os.Stderr, "running:", err)
		os.Exit(1)
	}
}
