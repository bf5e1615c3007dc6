// Command sandbox compiles the sandbox, and the Pulumi CLI when PATH has none, and
// runs the sandbox's command with the arguments: see cmd/sandbox. It is compiled
// within seconds itself. Its exit code is the command's, and 130 when a signal ended
// the compiling.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/compile"
)

const exitInterrupted = 130

func main() {
	os.Exit(run(os.Args[1:], os.Stderr, compile.Sandbox))
}

// compiler is [compile.Sandbox].
type compiler func(ctx context.Context, module, dir string, out io.Writer) (binary string, err error)

func run(args []string, out io.Writer, compile compiler) int {
	compiling, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	binary, err := compile(compiling, ".", filepath.Join("..", ".sandbox", "cli"), out)
	interrupted := compiling.Err() != nil
	stop()
	switch {
	case interrupted:
		fmt.Fprintln(out, "interrupted; what was compiled is kept")
		return exitInterrupted
	case err != nil:
		fmt.Fprintln(out, "error:", err)
		return 1
	}
	command := exec.Command(binary, args...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	if err := command.Start(); err != nil {
		fmt.Fprintln(out, "error:", err)
		return 1
	}
	go func() {
		for received := range signals { // the command ends what it runs, and then itself
			_ = command.Process.Signal(received)
		}
	}()
	err = command.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode()
	}
	if err != nil { // such as a signal that nothing survives
		fmt.Fprintln(out, "error: the sandbox ended:", err)
		return 1
	}
	return 0
}
