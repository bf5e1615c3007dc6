package opstest

import (
	"sync"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

// Journal is a journal in memory.
type Journal struct {
	// Hook is called before and after an entry is kept, as [Fake]'s.
	Hook func(point string)

	mu      sync.Mutex
	entries []ops.Entry
}

// Append implements [ops.Journal].
func (j *Journal) Append(e ops.Entry) error {
	j.at("before entry " + string(e.Event))
	j.mu.Lock()
	j.entries = append(j.entries, e)
	j.mu.Unlock()
	j.at("after entry " + string(e.Event))
	return nil
}

func (j *Journal) at(point string) {
	if j.Hook != nil {
		j.Hook(point)
	}
}

// Entries implements [ops.Journal].
func (j *Journal) Entries() ([]ops.Entry, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]ops.Entry(nil), j.entries...), nil
}
