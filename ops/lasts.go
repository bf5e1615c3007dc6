package ops

import (
	"fmt"
	"time"
)

// Takes is how long a switch takes at most when all goes well, with one way back.
func (o SwitchOptions) Takes(pace Pace) time.Duration {
	_ = o.validate() // the defaults; what is wrong is for the switch to say
	p := pace.withDefaults()
	return time.Duration(len(o.Steps))*(p.Update+p.TTL+o.Bake) + o.Guard + p.Update + p.TTL
}

// Lasts refuses what takes longer than credentials do: without them nobody watches the
// traffic, and nobody brings it back. The zero time is for those that are renewed.
func Lasts(what string, takes time.Duration, until time.Time) error {
	if left := time.Until(until).Truncate(time.Second); !until.IsZero() && left < takes {
		return refused(what, fmt.Errorf("it may take %s, but the AWS credentials end in %s: log in again for longer, "+
			"or make --bake and --guard shorter and watch with ops guard afterwards", takes, max(left, 0)))
	}
	return nil
}
