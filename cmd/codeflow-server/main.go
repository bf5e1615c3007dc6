// Command codeflow-server serves a bundle of agents over HTTP. It is the
// entry point of the image that the colour stacks deploy.
//
// Usage:
//
//	codeflow-server [flags]              serve until SIGTERM or SIGINT
//	codeflow-server [flags] healthcheck  exit 0 when the server on this host is healthy
//
// Flags override the environment:
//
//	-port    PORT             port to serve on, default 3000
//	-bundle  CODEFLOW_BUNDLE  directory of the bundle, default /bundle
//	-color   CODEFLOW_COLOR   colour of the stack, reported by /health
//	-version                  print the version and exit
//
// Exit codes: 0 success, 1 failure, 2 wrong usage. Logs are JSON on stderr.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	// The image has no certificate store of its own: these are Mozilla's
	// roots, used only where the system has none.
	_ "golang.org/x/crypto/x509roots/fallback"

	"github.com/ferg-cod3s/codeflow-infrastructure/server"
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
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	cfg, err := parse(args, getenv, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintln(stderr, "codeflow-server:", err)
		return exitUsage
	case cfg.version:
		fmt.Fprintln(stdout, server.Version)
		return exitOK
	case cfg.healthcheck:
		err = healthcheck(ctx, cfg)
	default:
		err = serve(ctx, cfg, stderr)
	}
	if err != nil {
		fmt.Fprintln(stderr, "codeflow-server:", err)
		return exitFailure
	}
	return exitOK
}

type config struct {
	port        string
	bundle      string
	color       string
	version     bool
	healthcheck bool
}

func parse(args []string, getenv func(string) string, stderr io.Writer) (config, error) {
	env := func(key, fallback string) string {
		if v := getenv(key); v != "" {
			return v
		}
		return fallback
	}
	var cfg config
	flags := flag.NewFlagSet("codeflow-server", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&cfg.port, "port", env("PORT", "3000"), "port to serve on (PORT)")
	flags.StringVar(&cfg.bundle, "bundle", env("CODEFLOW_BUNDLE", "/bundle"), "directory of the bundle (CODEFLOW_BUNDLE)")
	flags.StringVar(&cfg.color, "color", env("CODEFLOW_COLOR", ""), "colour of the stack (CODEFLOW_COLOR)")
	flags.BoolVar(&cfg.version, "version", false, "print the version and exit")
	if err := flags.Parse(args); err != nil {
		return cfg, err
	}
	switch {
	case flags.NArg() == 1 && flags.Arg(0) == "healthcheck":
		cfg.healthcheck = true
	case flags.NArg() > 0:
		return cfg, fmt.Errorf("unknown arguments %q: the only command is healthcheck, and flags stand before it", flags.Args())
	}
	if n, err := strconv.Atoi(cfg.port); err != nil || n < 1 || n > 65535 {
		return cfg, fmt.Errorf("port must be a number from 1 to 65535, got %q: set -port or PORT", cfg.port)
	}
	return cfg, nil
}

func healthcheck(ctx context.Context, cfg config) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	return server.CheckHealth(ctx, "http://"+net.JoinHostPort("127.0.0.1", cfg.port))
}

func serve(ctx context.Context, cfg config, stderr io.Writer) error {
	log := slog.New(slog.NewJSONHandler(stderr, nil)).
		With("service", "codeflow-server", "version", server.Version, "color", cfg.color)
	handler := server.New(os.DirFS(cfg.bundle), &server.Options{Color: cfg.color, Logger: log})
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("", cfg.port))
	if err != nil {
		return fmt.Errorf("listening on port %s: %w", cfg.port, err)
	}
	log.Info("serving", "address", listener.Addr().String())
	if err := server.Serve(ctx, listener, handler); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}
