// Package timescale is the one place where AWS's time becomes the sandbox's.
//
// Everywhere in the runtime an int in seconds is AWS's time, as its documentation
// and the account's resources have it, and a [time.Duration] is real time. With a
// scale of 60 a health check interval of 30 seconds takes half a second.
//
// What programs and clients do is never scaled: a request takes as long as it
// takes, and so it is measured.
package timescale

import "time"

// Default is the scale unless another one is asked for.
const Default Scale = 60

// patience is the least real time that a program gets for what it does itself,
// however fast AWS's time passes.
const patience = 2 * time.Second

// Scale says how many of AWS's seconds pass in a real one. Zero is [Default].
type Scale float64

// Seconds is the real time of AWS's seconds.
func (s Scale) Seconds(n int) time.Duration {
	if s <= 0 {
		s = Default
	}
	return time.Duration(float64(n) * float64(time.Second) / float64(s))
}

// Patience is like [Scale.Seconds] for the time that a program gets to start, to
// answer or to end: no less than two real seconds, unless AWS gives it less.
func (s Scale) Patience(n int) time.Duration {
	return max(s.Seconds(n), min(time.Duration(n)*time.Second, patience))
}
