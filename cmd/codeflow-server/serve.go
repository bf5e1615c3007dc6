package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/server"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/database"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/rpc"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/signin"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/telemetry"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

const service = "codeflow-server"

// flushTimeout is for writing the last events, metrics and spans, after the
// requests have drained.
const flushTimeout = 5 * time.Second

// ballast is how many bytes the collector takes for used that nobody uses or touches,
// so that they are no memory: as many may be garbage before it works. The server keeps
// 3 MB, and would collect 20 times a second under load, for a quarter of its time.
const ballast = 24 << 20

// serve serves over HTTP until ctx is done.
func serve(ctx context.Context, cfg *config, stdout io.Writer) (err error) {
	defer runtime.KeepAlive(make([]byte, ballast))
	log := telemetry.NewLogger(stdout, cfg.level, service, server.Version, cfg.color)
	defer toggleDebug(cfg.level, log)()
	tel, err := telemetry.New(&telemetry.Options{
		Service: service, Version: server.Version, Color: cfg.color,
		Logger: log, Log: stdout, Namespace: cfg.metricsNamespace, Interval: cfg.metricsInterval,
		OTLPEndpoint: cfg.otlpEndpoint, SampleRatio: cfg.sampleRatio,
	})
	if err != nil {
		return err
	}
	defer flush(&err, tel.Shutdown)
	opts := &server.Options{
		Color: cfg.color, Image: cfg.image, PublicURL: cfg.publicURL, Logger: log, Observe: tel.Observe,
		Guard: guard.Options{
			Hosts: cfg.hosts, Tokens: cfg.tokens, Concurrency: cfg.concurrency, Each: cfg.clientConcurrency,
			Proxies: cfg.proxies, MaxBody: cfg.maxBody, Refused: tel.Refused,
		},
	}
	if cfg.tokensSecret != nil {
		opts.Guard.Rotating = new(guard.Rotating)
		defer follow(ctx, func(ctx context.Context) { opts.Guard.Rotating.Follow(ctx, cfg.tokensSecret.Read, log) })()
	}
	if cfg.oidc.Issuer != "" {
		cfg.oidc.Logger = log
		if opts.SignIn, err = signin.New(cfg.oidc); err != nil {
			return err
		}
		defer follow(ctx, opts.SignIn.Follow)()
	}
	if cfg.database.URL == "" {
		log.Info("usage is off: there is no database")
	} else {
		db, queue, err := openDatabase(ctx, cfg, log, tel)
		if err != nil {
			return err
		}
		defer db.Close()
		defer flush(&err, queue.Close)
		keeper := &database.Keeper{Retention: cfg.usageRetention, Logger: log}
		tel.CollectRestorable(keeper.Restorable)
		defer follow(ctx, func(ctx context.Context) { keeper.Keep(ctx, db) })()
		opts.Recorder, opts.Top = queue, db.Top
		opts.Database = &server.Database{Check: db.Check, Breaker: db.State, Required: cfg.requireDatabase}
	}
	srv := server.New(os.DirFS(cfg.bundle), opts)
	tel.Serving(srv.BundleDigest())

	stopMetrics, err := serveMetrics(ctx, cfg, tel)
	if err != nil {
		return err
	}
	defer stopMetrics()
	listener, err := listen(ctx, cfg.address, cfg.port)
	if err != nil {
		return err
	}
	log.Info("serving", "address", listener.Addr().String(), "public", cfg.public)
	err = srv.Serve(ctx, listener, tel.Middleware(srv), cfg.drain)
	log.Info("stopped")
	return err
}

// follow does in the background what requests need not wait for: a server that cannot
// read what lets them in is healthy, and so is one that cannot care for its database.
func follow(ctx context.Context, read func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { read(ctx) })
	return func() { cancel(); wg.Wait() }
}

func openDatabase(ctx context.Context, cfg *config, log *slog.Logger, tel *telemetry.Telemetry) (*database.DB, *usage.Queue, error) {
	settings := cfg.database
	settings.Logger = log
	settings.OnStateChange = tel.BreakerChanged
	db, err := database.Open(ctx, settings)
	if err != nil {
		return nil, nil, err
	}
	queue := usage.NewQueue(db, &usage.QueueOptions{Logger: log})
	tel.CollectUsage(queue.Stats)
	return db, queue, nil
}

// flush ends what still has something to write, and adds its error to err.
func flush(err *error, end func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	*err = errors.Join(*err, end(ctx))
}

// toggleDebug switches the log level to debug and back with each SIGHUP.
func toggleDebug(level *telemetry.Level, log *slog.Logger) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for range hangups {
			log.Warn("log level changed", "to", level.ToggleDebug().String())
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
	}
}

// serveMetrics answers /metrics on a port that no load balancer sends requests to.
func serveMetrics(ctx context.Context, cfg *config, tel *telemetry.Telemetry) (stop func(), err error) {
	if cfg.metricsPort == 0 {
		return func() {}, nil
	}
	listener, err := listen(ctx, cfg.metricsAddress, cfg.metricsPort)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", tel.MetricsHandler())
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(listener) }()
	return func() { _ = srv.Close() }, nil
}

func listen(ctx context.Context, address string, port int) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listening on port %d of %s: %w", port, address, err)
	}
	return listener, nil
}

// serveStdio serves the client that started the program.
func serveStdio(ctx context.Context, cfg *config, stdin io.ReadCloser, stdout io.WriteCloser, stderr io.Writer) error {
	log := telemetry.NewLogger(stderr, cfg.level, service, server.Version, cfg.color)
	srv := server.New(os.DirFS(cfg.bundle), &server.Options{Workspace: cfg.workspace, Logger: log})
	if srv.MCP() == nil {
		return fmt.Errorf("the bundle in %q cannot be served: set -bundle or CODEFLOW_BUNDLE", cfg.bundle)
	}
	return rpc.Stdio(ctx, srv.MCP(), stdin, stdout)
}

// checkBundle reads the bundle as serving it would.
func checkBundle(cfg *config, stdout io.Writer) error {
	c, err := catalog.Load(os.DirFS(cfg.bundle))
	if err != nil {
		return err
	}
	return say(stdout, fmt.Sprintf("the settings are good; the bundle has %d agents and %d commands, %s",
		len(c.Agents), len(c.Commands), c.Manifest.BundleDigest))
}
