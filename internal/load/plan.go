package load

import "time"

// Plan is what a run does.
type Plan struct {
	// Request is a whole GET or POST request, as [Request] writes it. Required.
	Request []byte
	// Duration is for how long requests are sent, at most a minute. Required.
	Duration time.Duration
	// Count is how many requests are sent at most: as many as there are
	// connections, and each sends one. Default: no limit.
	Count int
	// Rate is how many requests a second are sent, whether or not the server
	// keeps up: latencies count from when a request was to be sent. Default:
	// each connection sends its next request when it has its answer.
	Rate float64
}

// Result is what a run measured.
type Result struct {
	// Elapsed is the time from the start to the last answer.
	Elapsed time.Duration
	// Answers by status.
	Answers map[int]int
	// Broken connections: they were opened again. Err is the first one's reason.
	Broken int
	Err    error
	// Unanswered requests: not sent in time, or without an answer when the
	// run ended. Their latencies are how late they were by then.
	Unanswered int
	Latency    Histogram
}

// PerSecond is how many requests a second were answered.
func (r *Result) PerSecond() float64 {
	answers := 0
	for _, n := range r.Answers {
		answers += n
	}
	return float64(answers) / max(r.Elapsed, time.Microsecond).Seconds()
}
