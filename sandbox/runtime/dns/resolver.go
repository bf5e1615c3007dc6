package dns

import (
	"sync"
	"time"
)

// maxCached is how many answers a resolver keeps before it forgets old ones.
const maxCached = 10_000

// resolver keeps answers for their TTL, apart for each client.
type resolver struct {
	zone *Zone

	mu      sync.Mutex
	answers map[question]kept
}

type question struct{ client, name string }

type kept struct {
	answer Answer
	until  time.Time
}

// resolve answers a client from what is kept, or asks the zone.
func (r *resolver) resolve(client, name string, now time.Time) (Answer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := question{client, canonical(name)}
	if k, ok := r.answers[q]; ok && now.Before(k.until) {
		return k.answer, nil
	}
	answer, err := r.zone.Resolve(name)
	if err != nil {
		return answer, err
	}
	if len(r.answers) >= maxCached {
		for old, k := range r.answers {
			if !now.Before(k.until) {
				delete(r.answers, old)
			}
		}
	}
	r.answers[q] = kept{answer, now.Add(answer.TTL)}
	return answer, nil
}
