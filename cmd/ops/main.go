// Command ops moves the traffic between the colours of a platform on AWS, and
// rotates its bearer tokens.
//
// Decisions and results are on standard output, progress and messages on standard
// error. Exit codes: 0 success, 1 failure, 2 wrong usage, 3 switched back, 4
// refused, 5 unfinished, 6 locked; ops --help explains them.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.Terminal{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Asks: term.IsTerminal(int(os.Stdin.Fd())), Shows: term.IsTerminal(int(os.Stdout.Fd())),
	}, connect)
	stop()
	os.Exit(code)
}
