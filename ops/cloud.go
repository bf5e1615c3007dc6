package ops

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Cloud is what the controller sees and changes of the account.
type Cloud interface {
	// Color returns how a colour is now.
	Color(ctx context.Context, color string) (Color, error)
	// Requests returns what a colour answered in the last window, rounded up to
	// minutes.
	Requests(ctx context.Context, color string, window time.Duration) (Requests, error)
	// Out returns the colours with a record whose health check fails, sorted: Route 53
	// answers with them only while no other colour is healthy.
	Out(ctx context.Context) ([]string, error)
	// Weights returns the weights that the records really have.
	Weights(ctx context.Context) (Weights, error)
	// SetWeights changes the records, all or none of them, if their weights are still
	// what they were, and fails with [ErrTrafficChanged] when they are not. It makes no
	// record of a colour that has none.
	SetWeights(ctx context.Context, was, weights Weights) error

	// SwitchedBack returns the digest that is refused, nil when there is none.
	SwitchedBack(ctx context.Context) (*SwitchedBack, error)
	// SetSwitchedBack replaces it; nil clears it.
	SetSwitchedBack(ctx context.Context, s *SwitchedBack) error

	// Deploy makes a colour's service run a task definition. It does not wait.
	Deploy(ctx context.Context, color, taskDefinition string) error
	// Scale makes a colour's service run so many tasks, until its autoscaling decides
	// otherwise. It does not wait.
	Scale(ctx context.Context, color string, tasks int) error
}

// Color is the state of a colour's service and load balancer.
type Color struct {
	Targets Targets `json:"targets"`
	Desired int     `json:"desired"` // tasks
	Running int     `json:"running"`
	// Deploying is true while ECS replaces tasks.
	Deploying      bool     `json:"deploying"`
	TaskDefinition string   `json:"taskDefinition"` // of the service
	Digests        []string `json:"digests"`        // of the running tasks' images, each once, sorted
	Alarms         []string `json:"alarms"`         // names of those that ring, sorted
}

// Targets of a load balancer, without those that leave it.
type Targets struct {
	Healthy   int `json:"healthy"`
	Unhealthy int `json:"unhealthy"`
	Starting  int `json:"starting"` // first health checks not passed yet
}

// Total counts all targets.
func (t Targets) Total() int { return t.Healthy + t.Unhealthy + t.Starting }

func (t Targets) String() string {
	return fmt.Sprintf("%d of %d targets healthy", t.Healthy, t.Total())
}

// Requests is what a colour answered in a window.
type Requests struct {
	Window time.Duration `json:"windowNs"`
	Count  int           `json:"count"`
	Errors int           `json:"errors"` // 5xx, of the targets and of the load balancer
	P95    time.Duration `json:"p95Ns"`  // of the worst minute; 0 without requests
	// Minutes are the same, the oldest first. Those without requests are there, too.
	Minutes []Minute `json:"minutes,omitempty"`
	// Unknown is why this is not the whole truth, "" when it is: the cloud answered
	// in part, or its metrics are late.
	Unknown string `json:"unknown,omitempty"`
}

// Minute is what a colour answered in a minute, which where time passes faster is as
// short as that.
type Minute struct {
	Start  time.Time `json:"start"`
	Count  int       `json:"count"`
	Errors int       `json:"errors"`
	// Percentiles of the response times, 0 without requests.
	P50 time.Duration `json:"p50Ns"`
	P95 time.Duration `json:"p95Ns"`
	P99 time.Duration `json:"p99Ns"`
}

// Sum is what minutes add up to, each as long as told.
func Sum(minutes []Minute, each time.Duration) Requests {
	r := Requests{Window: time.Duration(len(minutes)) * each, Minutes: minutes}
	for _, m := range minutes {
		r.Count, r.Errors, r.P95 = r.Count+m.Count, r.Errors+m.Errors, max(r.P95, m.P95)
	}
	return r
}

// over are the requests of the end of the window.
func (r Requests) over(window time.Duration) Requests {
	if len(r.Minutes) == 0 {
		return r
	}
	each := r.Window / time.Duration(len(r.Minutes))
	return Sum(last(r.Minutes, max(1, int(window/each))), each)
}

// PerSecond is the rate of the requests.
func (r Requests) PerSecond() float64 {
	if r.Window <= 0 {
		return 0
	}
	return float64(r.Count) / r.Window.Seconds()
}

// ErrorRate is the share of errors, 0 to 1. The load balancer's own errors may be
// in no other count.
func (r Requests) ErrorRate() float64 {
	if r.Errors == 0 {
		return 0
	}
	return float64(r.Errors) / float64(max(r.Count, r.Errors))
}

// SwitchedBack is the digest that lost its traffic. The program's interlock
// refuses weight for it until it is cleared.
type SwitchedBack struct {
	Color  string    `json:"color"`
	Digest string    `json:"digest"`
	Reason string    `json:"reason"`
	Time   time.Time `json:"time"`
}

// Stacks is what the controller reads and changes of the Pulumi stacks.
type Stacks interface {
	// Traffic returns codeflow:traffic of the platform's stack file.
	Traffic(ctx context.Context) (Weights, error)
	// SetTraffic replaces it, and fails with [ErrTrafficChanged] when it is not
	// what it was.
	SetTraffic(ctx context.Context, was, weights Weights) error
	// Apply updates the platform, if that changes nothing but Route 53 records.
	Apply(ctx context.Context) error
	// Refresh reads the real records into the platform's state, after an update
	// that was cut off.
	Refresh(ctx context.Context) error
	// Release returns what a colour's stack says that it runs.
	Release(ctx context.Context, color string) (Release, error)
}

// ErrTrafficChanged says that somebody else changed codeflow:traffic, or the records.
var ErrTrafficChanged = errors.New("the weights were changed by somebody else")

// Release is the outputs of a colour's stack. An output that the stack does not
// have is "".
type Release struct {
	Digest                 string `json:"digest"`        // asked for
	SettledDigest          string `json:"settledDigest"` // what ECS ran when the update ended
	TaskDefinition         string `json:"taskDefinition"`
	SettledTaskDefinition  string `json:"settledTaskDefinition"`
	BundleDigest           string `json:"bundleDigest"`
	PreviousDigest         string `json:"previousDigest"`
	PreviousTaskDefinition string `json:"previousTaskDefinition"`
	SchemaVersion          string `json:"schemaVersion"` // of the database, that the server needs
	PreviousSchemaVersion  string `json:"previousSchemaVersion"`
}

// short is a digest as people read it, its first 12 characters.
func short(digest string) string {
	hex, ok := strings.CutPrefix(digest, "sha256:")
	switch {
	case digest == "":
		return "(none)"
	case ok && len(hex) > 12:
		return hex[:12]
	}
	return digest
}
