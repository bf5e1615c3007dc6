// Command codeflow-server serves a bundle of agents over MCP and HTTP. It is the
// entry point of the image that the colour stacks deploy; docs/server.md has its
// settings.
//
// Exit codes: 0 success, 1 failure, 2 wrong usage. Logs are JSON on stdout, or on
// stderr with -stdio.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"

	// The image has neither time zones nor a certificate store of its own: these, the
	// roots are Mozilla's, are used only where the system has none.
	_ "time/tzdata"

	_ "golang.org/x/crypto/x509roots/fallback"

	"github.com/ferg-cod3s/codeflow-infrastructure/server"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/database"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/telemetry"
)

// healthTimeout stays below the 5 s that the container health check allows.
const healthTimeout = 4 * time.Second

const (
	exitOK = iota
	exitFailure
	exitUsage
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args, environ []string, stdin io.ReadCloser, stdout io.WriteCloser, stderr io.Writer) int {
	cfg, err := parse(args, environ, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	var do func() error
	if err == nil {
		do, err = cfg.action(ctx, stdin, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintf(stderr, "codeflow-server: %v\n", err)
		return exitUsage
	}
	if err := do(); err != nil {
		fmt.Fprintf(stderr, "codeflow-server: %v\n", err)
		return exitFailure
	}
	return exitOK
}

// action returns what the command line asks for, or an error of usage.
func (cfg *config) action(ctx context.Context, stdin io.ReadCloser, stdout io.WriteCloser, stderr io.Writer) (func() error, error) {
	switch {
	case cfg.version:
		return func() error { return say(stdout, server.Version) }, nil
	case len(cfg.command) == 0 && cfg.stdio:
		return func() error { return serveStdio(ctx, cfg, stdin, stdout, stderr) }, nil
	case len(cfg.command) == 0:
		if err := cfg.checkAccess(); err != nil {
			return nil, err
		}
		if cfg.checkConfig {
			return func() error { return checkBundle(cfg, stdout) }, nil
		}
		return func() error { return serve(ctx, cfg, stdout) }, nil
	case cfg.command[0] == "migrate":
		if cfg.database.URL == "" {
			return nil, errors.New("migrate needs -database-url or DATABASE_URL")
		}
		return func() error { return migrate(ctx, cfg, stdout) }, nil
	case len(cfg.command) > 1:
	case cfg.command[0] == "healthcheck":
		return func() error { return healthcheck(ctx, cfg) }, nil
	case cfg.command[0] == "token":
		return func() error {
			token, hash := guard.NewToken()
			return say(stdout, "for the client, shown only now: "+token+"\nfor CODEFLOW_TOKENS: "+hash)
		}, nil
	}
	return nil, fmt.Errorf("unknown command %q: the commands are healthcheck, migrate and token, and flags stand before them", cfg.command)
}

// ifReachable is up for a task that serves without the database, too: it must not be
// held back by one that is away, when the schema need not even change.
const ifReachable = "up-if-reachable"

func migrate(ctx context.Context, cfg *config, stdout io.Writer) error {
	args, optional := cfg.command[1:], false
	if slices.Equal(args, []string{ifReachable}) {
		args, optional = []string{"up"}, true
	}
	err := database.Migrate(ctx, cfg.database, args, stdout)
	if optional && database.Unreachable(err) {
		log := telemetry.NewLogger(stdout, cfg.level, service, server.Version, cfg.color)
		log.Error("not migrated: the database cannot be reached", "error", err)
		return nil
	}
	return err
}

func say(stdout io.Writer, line string) error {
	_, err := fmt.Fprintln(stdout, line)
	return err
}

func healthcheck(ctx context.Context, cfg *config) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	address := cfg.address
	if ip := net.ParseIP(address); ip == nil || ip.IsUnspecified() {
		address = loopback
	}
	return server.CheckHealth(ctx, "http://"+net.JoinHostPort(address, strconv.Itoa(cfg.port)))
}
