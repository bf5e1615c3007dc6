// Command sandbox compiles the sandbox, and the Pulumi CLI when PATH has none, and
// runs the sandbox's command with the arguments: see cmd/sandbox. It is compiled
// within seconds itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/compile"
)

func main() {
	err := run(os.Args[1:])
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	compiling, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	binary, err := compile.Sandbox(compiling, ".", filepath.Join("..", ".sandbox", "cli"), os.Stderr)
	stop()
	if err != nil {
		return err
	}
	command := exec.Command(binary, args...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if err := command.Start(); err != nil {
		return err
	}
	go func() {
		for received := range signals { // the command ends what it runs, and then itself
			_ = command.Process.Signal(received)
		}
	}()
	return command.Wait()
}
