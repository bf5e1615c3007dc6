package emf

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// resolution is the finest that CloudWatch gives a standard metric.
const resolution = time.Minute

// Metric is one row of the table of what is exported.
type Metric struct {
	// Family is the name of the Prometheus metric. A counter becomes the sum of
	// an interval, a histogram a distribution, a gauge stays as it is.
	Family string
	// Label and Value choose among the series of the family, such as those of
	// the class 5xx. Default: all series are added up.
	Label, Value string
	// Of is the counter of everything that Family counts a part of. Then each thing
	// is a value, 1 where Family counts it and 0 elsewhere: the average is the share,
	// which an alarm on one metric can judge. Default: Family is not a part.
	Of string
	// Name and Unit are the metric's in CloudWatch. Units:
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
	Name, Unit string
	// Scale multiplies values, 1000 from seconds to milliseconds. Default: 1.
	Scale float64
	// By splits the metric by a label. Default: it is not split.
	By By
}

// By is a label whose values CloudWatch shows beside their sum. Each value is a
// metric to pay for: it is for labels of few values.
type By struct {
	Label     string // in Prometheus
	Dimension string // in CloudWatch
}

// Dimension is a name and a value that every metric carries.
type Dimension struct{ Name, Value string }

// Options say what an [Exporter] writes.
type Options struct {
	// Namespace is required, such as "CodeFlow".
	Namespace string
	// Dimensions of every metric. Those without a value are left out, since
	// CloudWatch refuses them.
	Dimensions []Dimension
	// Metrics is the table of what is exported. No two rows have one name.
	Metrics []Metric
	// Apart are values of a [By] label that do not count in the metric over all
	// values: health checks would water down a percentile of the requests.
	Apart []string
	// Interval between the documents. Default: a minute.
	Interval time.Duration
	// Log gets what goes wrong in [Exporter.Run]. Default: [slog.Default].
	Log *slog.Logger
}

// Exporter writes the metrics of a registry. It is not safe for concurrent use.
type Exporter struct {
	opts Options
	from prometheus.Gatherer
	to   io.Writer
	last map[series]reading
}

// New returns an exporter from a registry to the container's log, where every
// document is one write.
func New(from prometheus.Gatherer, to io.Writer, opts Options) *Exporter {
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	return &Exporter{opts: opts, from: from, to: to, last: map[series]reading{}}
}

// Run exports in intervals, and once more when ctx is done.
func (e *Exporter) Run(ctx context.Context) {
	ticker := time.NewTicker(cmp.Or(e.opts.Interval, resolution))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
		if err := e.Export(); err != nil {
			e.opts.Log.ErrorContext(ctx, "metrics not exported", "error", err)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// Export writes what happened since the last call, a line per value of a [By]
// label and one for what is not split. It writes nothing when only gauges have
// something to say.
func (e *Exporter) Export() error {
	gathered, err := e.from.Gather()
	if err != nil {
		return fmt.Errorf("gathering metrics: %w", err)
	}
	families := map[string][]*dto.Metric{}
	for _, f := range gathered {
		families[f.GetName()] = f.GetMetric()
	}
	documents, err := e.documents(families)
	if err != nil {
		return err
	}
	for _, d := range documents {
		line, err := json.Marshal(d.members)
		if err != nil {
			return fmt.Errorf("encoding metrics: %w", err)
		}
		if _, err := e.to.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("writing metrics: %w", err)
		}
	}
	return nil
}
