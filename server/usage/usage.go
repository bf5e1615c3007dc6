// Package usage counts which agents and commands are used, by which client
// and how fast. An event has no content: no arguments, no text, no address.
//
// A [Queue] takes events without ever making a request wait, and writes them
// to a [Store] in batches.
package usage

import (
	"context"
	"time"
)

// Kinds of what is used.
const (
	KindAgent   = "agent"
	KindCommand = "command"
	KindTool    = "tool"
)

// Kinds are all of them.
var Kinds = []string{KindAgent, KindCommand, KindTool}

// Limits of an event's texts, in bytes: clients choose them.
const (
	maxName   = 128
	maxClient = 64
)

// Event is one use of an agent, a command or another tool.
type Event struct {
	Time    time.Time
	Kind    string // one of the Kind constants
	Name    string // of the agent, command or tool; at most 128 bytes
	Client  string // the MCP client's name and version, or "http"; at most 64 bytes
	Latency time.Duration
}

// Count is how often something was used.
type Count struct {
	Name   string  `json:"name"`
	Uses   int64   `json:"uses"`
	MeanMS float64 `json:"meanMs"`
}

// Recorder takes an event. It never blocks and is safe for concurrent use.
type Recorder interface {
	Record(Event)
}

// Discard is a [Recorder] that keeps nothing.
type Discard struct{}

// Record does nothing.
func (Discard) Record(Event) {}

// Store keeps events.
type Store interface {
	// Insert writes all events or none. Inserting a batch again changes nothing:
	// a connection may break after the commit and before its answer. It returns
	// soon after ctx is done.
	Insert(ctx context.Context, batch Batch) error
	// Top returns the most used names of a kind since a time, most used first.
	Top(ctx context.Context, kind string, since time.Time, limit int) ([]Count, error)
}

// Batch is what is inserted at once. Its ID is unique.
type Batch struct {
	ID     [16]byte // a UUID
	Events []Event
}
