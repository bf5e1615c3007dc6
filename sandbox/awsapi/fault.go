package awsapi

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// The faults of calls. Their scope is a service, like "ecs", an action, like
// "ecs:DescribeServices", or "" for all.
const (
	// FaultSlow delays calls: "api-slow" or "api-slow=2500ms".
	FaultSlow = "api-slow"
	// FaultThrottle refuses calls, or every third: "api-throttle" or "api-throttle=3".
	FaultThrottle = "api-throttle"
	// FaultError answers with a status: "api-error" or "api-error=503".
	FaultError = "api-error"
	// FaultPartial has metrics answered in part: "api-partial=InternalError". Its value
	// is a status of GetMetricData's, default PartialData, or "missing" for no answer
	// about them.
	FaultPartial = "api-partial"
)

// FaultKinds are all of them.
var FaultKinds = []string{FaultSlow, FaultThrottle, FaultError, FaultPartial}

// The values of faults without one, and those that [FaultPartial] may have.
var (
	defaults = map[string]string{FaultSlow: "3s", FaultThrottle: "1", FaultError: "500", FaultPartial: "PartialData"}
	partials = []string{"PartialData", "InternalError", "Forbidden", "missing"}
)

type fault struct{ kind, scope string }

// faults that are on, with their values. The zero value has none.
type faults struct {
	mu    sync.Mutex
	on    map[fault]string
	calls map[fault]int
}

// SetFault switches a fault of calls on or off.
func (s *Server) SetFault(kind, value, scope string, on bool) error {
	value = cmp.Or(value, defaults[kind])
	_, notDuration := time.ParseDuration(value)
	number, notNumber := strconv.Atoi(value)
	well := map[string]bool{
		FaultSlow: notDuration == nil, FaultThrottle: notNumber == nil && number > 0,
		FaultError: notNumber == nil && number >= 400 && number < 600, FaultPartial: slices.Contains(partials, value),
	}[kind]
	if !well {
		return fmt.Errorf("fault %q: its value must be like %q, got %q", kind, defaults[kind], value)
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	if s.faults.on == nil {
		s.faults.on, s.faults.calls = map[fault]string{}, map[fault]int{}
	}
	if s.faults.on[fault{kind, scope}] = value; !on {
		delete(s.faults.on, fault{kind, scope})
	}
	return nil
}

// Faults lists those that are on, as they were set.
func (s *Server) Faults() (all []string) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for f, value := range s.faults.on {
		text := f.kind + "=" + value
		if f.scope != "" {
			text += ":" + f.scope
		}
		all = append(all, text)
	}
	return slices.Sorted(slices.Values(all))
}

// statusError is an answer with a wrong status.
type statusError struct{ status int }

func (e *statusError) Error() string { return http.StatusText(e.status) }

type partialKey struct{}

// Partial is the value of [FaultPartial] for this call, "" without it.
func Partial(ctx context.Context) string {
	value, _ := ctx.Value(partialKey{}).(string)
	return value
}

// strike does to a call what the faults do.
func (f *faults) strike(ctx context.Context, service, operation string) (context.Context, error) {
	f.mu.Lock()
	values := map[string]string{}
	for _, scope := range []string{"", service, service + ":" + operation} {
		for _, kind := range FaultKinds {
			value, on := f.on[fault{kind, scope}]
			if !on {
				continue
			}
			if every, _ := strconv.Atoi(value); kind == FaultThrottle {
				f.calls[fault{kind, scope}]++
				on = f.calls[fault{kind, scope}]%every == 0
			}
			if on {
				values[kind] = value
			}
		}
	}
	f.mu.Unlock()
	for _, kind := range FaultKinds {
		value, on := values[kind]
		if !on {
			continue
		}
		switch kind {
		case FaultSlow:
			delay, _ := time.ParseDuration(value)
			select {
			case <-time.After(delay):
			case <-ctx.Done():
			}
		case FaultThrottle:
			return ctx, refuse(throttled, "Rate exceeded")
		case FaultError:
			status, _ := strconv.Atoi(value)
			return ctx, &statusError{status}
		case FaultPartial:
			ctx = context.WithValue(ctx, partialKey{}, value)
		}
	}
	return ctx, nil
}
