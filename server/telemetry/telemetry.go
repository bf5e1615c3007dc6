package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/telemetry/emf"
)

// Options are the optional settings of [New]. The zero value gives metrics to
// scrape and request logs.
type Options struct {
	// Service, Version and Color say whose telemetry it is. Default: empty.
	Service, Version, Color string
	// Logger gets the request log; it should be of [NewLogger].
	// Default: [slog.Default].
	Logger *slog.Logger
	// Namespace in CloudWatch of the metrics that are written each minute, such
	// as "CodeFlow". Default: none are written.
	Namespace string
	// Interval between them. Default: a minute.
	Interval time.Duration
	// Log is the container's log, where the metrics for CloudWatch are written.
	// Default: [os.Stdout].
	Log io.Writer
	// OTLPEndpoint is the base URL of an OTLP/HTTP collector, such as
	// "http://localhost:4318". Default: nothing is traced.
	OTLPEndpoint string
	// SampleRatio is how many of the requests are traced whose sender has not
	// decided that, from 0 to 1. Default: none of them.
	SampleRatio float64
}

// Telemetry is the telemetry of one server. It is safe for concurrent use.
type Telemetry struct {
	log      *slog.Logger
	provider *sdktrace.TracerProvider // nil: nothing is traced
	tracer   trace.Tracer             // nil: nothing is traced
	stop     context.CancelFunc       // of the export to CloudWatch
	exported chan struct{}            // closed after the last export
	*metrics
}

// New starts the telemetry of a server; [Telemetry.Shutdown] ends it.
func New(opts *Options) (*Telemetry, error) {
	if opts == nil {
		opts = &Options{}
	}
	t := &Telemetry{
		log: opts.Logger, metrics: newMetrics(opts),
		stop: func() {}, exported: make(chan struct{}),
	}
	if t.log == nil {
		t.log = slog.Default()
	}
	var err error
	if t.provider, err = newTracerProvider(opts, t.log); err != nil {
		return nil, err
	}
	if t.provider != nil {
		t.tracer = t.provider.Tracer(scope)
	}
	t.export(opts)
	return t, nil
}

// export starts writing metrics for CloudWatch.
func (t *Telemetry) export(opts *Options) {
	if opts.Namespace == "" {
		close(t.exported)
		return
	}
	to := opts.Log
	if to == nil {
		to = os.Stdout
	}
	exporter := emf.New(t.registry, to, emf.Options{
		Namespace:  opts.Namespace,
		Interval:   opts.Interval,
		Dimensions: []emf.Dimension{{Name: "Service", Value: opts.Service}, {Name: "Color", Value: opts.Color}},
		Metrics:    exported,
		Apart:      probes,
		Log:        t.log,
	})
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	go func() {
		defer close(t.exported)
		exporter.Run(ctx)
	}()
}

// Shutdown writes the last metrics and spans. It is called once, after the last
// request, and gives up when ctx is done.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	var errs []error
	t.stop()
	select {
	case <-t.exported:
	case <-ctx.Done():
		errs = append(errs, fmt.Errorf("exporting metrics: %w", ctx.Err()))
	}
	if t.provider != nil {
		if err := t.provider.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("exporting spans: %w", err))
		}
	}
	return errors.Join(errs...)
}
