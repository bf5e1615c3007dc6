// The lease: several machines and one store, whose lines to it are cut now and then.
// It does not prove that S3 keeps the contract of a store; ops/aws asks moto.
package ops_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/opstest"
)

func TestMemoryKeepsTheStoresContract(t *testing.T) {
	t.Parallel()
	opstest.StoreContract(t, new(opstest.Store).Line())
}

// machine is one that runs the controller.
type machine struct {
	dir     string
	line    *opstest.Line
	cut     atomic.Bool
	back    atomic.Bool // an answer is lost on the way back
	journal *ops.SharedJournal
	told    []string
	lost    atomic.Value
}

func newMachine(t *testing.T, store *opstest.Store) *machine {
	t.Helper()
	m := &machine{dir: t.TempDir(), line: store.Line()}
	m.line.Cut = func() (error, bool) {
		if m.cut.Load() {
			return errors.New("no network"), m.back.Load()
		}
		return nil, false
	}
	return m
}

func (m *machine) open(t *testing.T, seize bool) error {
	t.Helper()
	journal, err := ops.OpenShared(t.Context(), m.line, m.dir, ops.OpenOptions{
		Command: "ops switch", Seize: seize, Notice: func(text string) { m.told = append(m.told, text) }, Lose: func(err error) { m.lost.Store(err) },
	})
	if err == nil {
		m.journal = journal
	}
	return err
}

func (m *machine) close(t *testing.T) {
	t.Helper()
	if m.journal != nil {
		_ = m.journal.Close()
		m.journal = nil
	}
}

var plan = ops.Plan{To: "green", From: "blue", Before: ops.Weights{"blue": 100}, Back: ops.Weights{"blue": 100}, Steps: []int{100}}

func entry(event ops.Event) ops.Entry {
	e := ops.Entry{Time: time.Now().UTC(), Rollout: "1", Event: event}
	if event == ops.Started {
		e.Plan = &plan
	}
	if event == ops.Blamed {
		e.Reasons = []string{"bad"}
	}
	return e
}

func TestLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &opstest.Store{}
		a, b := newMachine(t, store), newMachine(t, store)
		require.NoError(t, a.open(t, false))
		require.NoError(t, a.journal.Append(entry(ops.Started)))
		locked := new(ops.LockedError)
		require.ErrorAs(t, b.open(t, false), &locked)
		assert.Equal(t, "memory", locked.Lock)
		time.Sleep(10 * time.Minute)
		require.ErrorAs(t, b.open(t, false), &locked, "it is renewed")
		a.close(t)

		require.NoError(t, b.open(t, false), "it was given back")
		entries, err := b.journal.Entries()
		require.NoError(t, err)
		require.Len(t, entries, 1, "b goes on where a was")
		assert.Empty(t, b.told)

		// b's machine is lost: nobody renews its lease any more.
		b.cut.Store(true)
		time.Sleep(59 * time.Second)
		require.ErrorAs(t, a.open(t, false), &locked)
		require.NoError(t, b.journal.Append(entry(ops.Noted)), "saying something is free")
		require.ErrorContains(t, b.journal.Append(entry(ops.Weighing)), "the lease may have ended, since it was renewed")
		require.NoError(t, b.journal.Append(entry(ops.Blamed)))
		require.NoError(t, b.journal.Append(entry(ops.Weighing)), "the way back is free")
		time.Sleep(2 * time.Second)
		require.NoError(t, a.open(t, false))
		require.Len(t, a.told, 1)
		assert.Contains(t, a.told[0], "ended 1s ago and is taken over")
		b.cut.Store(false)
		time.Sleep(time.Minute)
		require.ErrorAs(t, b.lost.Load().(error), &locked, "b is told")
		require.ErrorAs(t, b.journal.Append(entry(ops.Noted)), &locked)
		b.close(t)
		a.close(t)
	})
}

// An outage of the store is not one of the switch, as long as nobody else can have the
// lease; what was written meanwhile is not lost.
func TestLeaseOutlastsAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &opstest.Store{}
		a, b := newMachine(t, store), newMachine(t, store)
		require.NoError(t, a.open(t, false))
		require.NoError(t, a.journal.Append(entry(ops.Started)))
		a.cut.Store(true)
		a.back.Store(true)
		require.NoError(t, a.journal.Append(entry(ops.Weighing)), "written, but the answer is lost")
		a.cut.Store(false)
		require.NoError(t, a.journal.Append(entry(ops.Weighed)))
		a.cut.Store(true)
		a.back.Store(false)
		require.NoError(t, a.journal.Append(entry(ops.Watching)))
		a.journal.Close() // without the store
		a.cut.Store(false)
		time.Sleep(2 * time.Minute)
		require.NoError(t, a.open(t, false))
		entries, err := a.journal.Entries()
		require.NoError(t, err)
		assert.Len(t, entries, 4, "the copy is ahead of the store")
		a.close(t)

		b.cut.Store(true)
		require.ErrorContains(t, b.open(t, false), "taking the lease: no network")
		require.NoError(t, b.open(t, true), "the way back needs no store")
		assert.Contains(t, b.told[0], "out of reach, so nobody else can be kept away: only the way back is free")
		require.ErrorContains(t, b.journal.Append(entry(ops.Started)), "only the way back is free")
		require.NoError(t, b.journal.Append(entry(ops.Blamed)))
		b.cut.Store(false)
		time.Sleep(time.Minute)
		entries, _, err = ops.ReadShared(t.Context(), b.line)
		require.NoError(t, err)
		assert.Len(t, entries, 5, "and tells it later")
		b.close(t)
	})
}

// Somebody who acts by hand in an outage is not kept waiting.
func TestLeaseIsSeized(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &opstest.Store{}
		a, b := newMachine(t, store), newMachine(t, store)
		require.NoError(t, a.open(t, false))
		require.NoError(t, b.open(t, true))
		assert.Contains(t, b.told[0], "the lease is taken from ")
		require.Error(t, a.journal.Append(entry(ops.Started)))
		require.NoError(t, b.journal.Append(entry(ops.Started)))
		a.close(t)
		b.close(t)
	})
}

// TestLeaseModel lets machines open, write, lose their line, wait and die in any order.
// Two must never both be free to change the traffic: a write that is no way back is
// accepted only from who has the lease, and no later one can be accepted from another.
func TestLeaseModel(t *testing.T) {
	t.Parallel()
	taken, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) [3]int {
			return [3]int{rapid.IntRange(0, 1).Draw(t, "machine"), rapid.IntRange(0, 6).Draw(t, "what"), rapid.IntRange(1, 9).Draw(t, "times")}
		}), 10, 60).Draw(rt, "steps")
		broken := ""
		synctest.Test(t, func(t *testing.T) {
			store := &opstest.Store{}
			machines := []*machine{newMachine(t, store), newMachine(t, store)}
			holder := -1 // who took the lease last
			for i, s := range steps {
				m := machines[s[0]]
				switch s[1] {
				case 0:
					if m.journal == nil && m.open(t, false) == nil {
						holder = s[0]
						taken++
					}
				case 1, 2:
					if m.journal == nil {
						continue
					}
					err := m.journal.Append(ops.Entry{Time: time.Now().UTC(), Rollout: "1", Event: ops.Weighing, Text: fmt.Sprint(s[0], i)})
					if err == nil && holder != s[0] {
						broken = fmt.Sprintf("step %d: machine %d writes after %d took the lease", i, s[0], holder)
					}
					if err != nil {
						refused++
					}
				case 3:
					m.cut.Store(!m.cut.Load())
					m.back.Store(s[2]%2 == 0)
				case 4, 5:
					time.Sleep(time.Duration(s[2]) * 8 * time.Second)
				case 6:
					m.close(t)
				}
			}
			for _, m := range machines {
				m.cut.Store(false)
				m.close(t)
			}
			// What is in the store is in order, and nobody's entries are between another's.
			entries, _, err := ops.ReadShared(t.Context(), store.Line())
			require.NoError(t, err)
			for i := 1; i < len(entries); i++ {
				if entries[i].Time.Before(entries[i-1].Time) {
					broken = "the journal is not in order"
				}
			}
		})
		if broken != "" {
			rt.Fatal(broken)
		}
	})
	assert.Positive(t, taken)
	assert.Positive(t, refused, "the model does not reach it")
}
