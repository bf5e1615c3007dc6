package ops

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Store keeps one object that is replaced by compare and swap, as S3 does with
// conditional writes.
type Store interface {
	// Read returns the object; its version is "" when there is none.
	Read(ctx context.Context) (Stored, error)
	// Write replaces a version, "" for none, and returns the new one. It fails with
	// [ErrStoreChanged] when the object has another one by now. After any other error it
	// may have been written all the same.
	Write(ctx context.Context, data []byte, version string) (string, error)
	// String is where the object is.
	String() string
}

// Stored is an object of a [Store].
type Stored struct {
	Data    []byte
	Version string
	// Age is how long ago it was written, by the store's own clock.
	Age time.Duration
}

// ErrStoreChanged says that somebody else has written.
var ErrStoreChanged = errors.New("it was written by somebody else")

const (
	// leaseTime is how long a lease lasts after it was written last.
	leaseTime = time.Minute
	// leaseMargin is what its holder leaves of it, for the way of a write.
	leaseMargin = 15 * time.Second
	// renewal is how often it is written when there is nothing else to write.
	renewal = 15 * time.Second
	// storePatience is how long a use of the store may take.
	storePatience = 3 * time.Second
	// keptEntries is how many entries are kept, and all of the last rollout.
	keptEntries = 300
)

// document is the object: the lease and the journal in one, so that nobody without the
// lease can append.
type document struct {
	Lease   *lease  `json:"lease,omitempty"`
	Entries []Entry `json:"entries"`
}

type lease struct {
	ID string `json:"id"`
	Holder
}

// SharedJournal is a journal in a [Store], for every machine. Who has its lease changes
// the traffic. A copy is in a folder of this machine, which does while the store is out
// of reach: for as long as nobody else can have the lease, and then for the way back,
// which compares the records with what it expects.
type SharedJournal struct {
	store Store
	local *FileJournal
	stop  context.CancelFunc
	ended sync.WaitGroup

	mu      sync.Mutex
	doc     document
	version string
	renewed time.Time // when the last write began that went well; zero: never
	failed  time.Time // when the last write ended that went wrong
	lost    error     // who else has the lease
	foreign bool      // its newest entry was written elsewhere
	lose    context.CancelCauseFunc
}

// OpenOptions are for [OpenShared]. Command is required.
type OpenOptions struct {
	Command string
	// Seize takes a lease that has not ended, too, and goes on without one when the
	// store is out of reach: for the way back.
	Seize bool
	// Notice gets what is to be told. Default: nobody.
	Notice func(text string)
	// Lose is called when somebody else has the lease. Default: nothing is.
	Lose context.CancelCauseFunc
}

// OpenShared takes the lease, and keeps it until the journal is closed. It fails with a
// [LockedError] when somebody else has it.
func OpenShared(ctx context.Context, store Store, dir string, opts OpenOptions) (*SharedJournal, error) {
	local, err := OpenJournal(dir, opts.Command)
	if err != nil {
		return nil, err
	}
	j := &SharedJournal{store: store, local: local, lose: opts.Lose}
	if opts.Notice == nil {
		opts.Notice = func(string) {}
	}
	if err := j.take(ctx, opts); err != nil {
		return nil, errors.Join(err, local.Close())
	}
	ctx, j.stop = context.WithCancel(context.WithoutCancel(ctx))
	j.ended.Go(func() { j.renew(ctx) })
	return j, nil
}

// take takes the lease.
func (j *SharedJournal) take(ctx context.Context, opts OpenOptions) error {
	holder := j.local.holder
	mine := &lease{rand.Text(), holder}
	copied, err := j.local.Entries()
	if err != nil {
		return err
	}
	for {
		stored, err := j.read(ctx)
		if err == nil {
			err = j.takeOver(stored, opts, mine, copied)
		}
		if err == nil {
			err = j.write(ctx)
		}
		locked := new(LockedError)
		switch {
		case errors.Is(err, ErrStoreChanged) && ctx.Err() == nil:
			continue
		case err == nil:
			return j.local.replace(j.doc.Entries)
		case opts.Seize && !errors.As(err, &locked) && !errors.Is(err, errDocument):
			opts.Notice(fmt.Sprintf("%s is out of reach, so nobody else can be kept away: only the way back is free (%v)", j.store, err))
			j.doc = document{mine, copied}
			return nil
		}
		return fmt.Errorf("taking the lease: %w", err)
	}
}

// takeOver makes the document mine, unless somebody else's lease lasts.
func (j *SharedJournal) takeOver(stored Stored, opts OpenOptions, mine *lease, copied []Entry) error {
	doc, err := parse(stored)
	if err != nil {
		return fmt.Errorf("%s: %w", j.store, err)
	}
	if old := doc.Lease; old != nil {
		switch {
		case stored.Age >= leaseTime:
			opts.Notice(fmt.Sprintf("the lease of %s ended %s ago and is taken over", old.Holder, (stored.Age - leaseTime).Round(time.Second)))
		case opts.Seize:
			opts.Notice(fmt.Sprintf("the lease is taken from %s, who cannot go on", old.Holder))
		default:
			return &LockedError{j.store.String(), old.Holder}
		}
	}
	if ahead(copied, doc.Entries) { // the store was out of reach when they were written.
		doc.Entries = copied
	}
	j.foreign = len(doc.Entries) > 0 && !has(copied, doc.Entries[len(doc.Entries)-1])
	doc.Lease = mine
	j.doc, j.version = doc, stored.Version
	return nil
}

var errUnreachable = errors.New("it was out of reach a moment ago")

var errDocument = errors.New("it must be a JSON object with a lease and entries (move it away to forget its rollouts)")

func parse(stored Stored) (doc document, err error) {
	if stored.Version == "" {
		return doc, nil
	}
	if err := json.Unmarshal(stored.Data, &doc); err != nil {
		return doc, fmt.Errorf("%w: %w", errDocument, err)
	}
	return doc, nil
}

// ahead is true when a copy has all entries and more.
func ahead(copied, entries []Entry) bool {
	if len(entries) == 0 {
		return len(copied) > 0
	}
	newest := entries[len(entries)-1]
	return has(copied, newest) && !same(copied[len(copied)-1], newest)
}

func same(a, b Entry) bool {
	return a.Time.Equal(b.Time) && a.Event == b.Event && a.Rollout == b.Rollout
}

func has(entries []Entry, e Entry) bool {
	return slices.ContainsFunc(entries, func(other Entry) bool { return same(e, other) })
}

func (j *SharedJournal) read(ctx context.Context) (Stored, error) {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	return j.store.Read(ctx)
}

// write writes the document. It returns an [ErrStoreChanged] when that needs another
// look, and keeps in mind when somebody else has the lease.
func (j *SharedJournal) write(ctx context.Context) error {
	begun := time.Now()
	data, err := json.Marshal(j.doc)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	version, err := j.store.Write(limited, data, j.version)
	if err == nil {
		j.version, j.renewed = version, begun
	}
	return err
}

// save writes the document while the lease is mine. An earlier write may have been
// carried out though it failed.
func (j *SharedJournal) save(ctx context.Context) error {
	if j.lost != nil {
		return j.lost
	}
	err := j.write(ctx)
	if err == nil {
		return nil
	}
	stored, readErr := j.read(ctx)
	var doc document
	if readErr == nil {
		doc, readErr = parse(stored)
	}
	switch {
	case readErr != nil:
		j.failed = time.Now()
		return err
	case j.renewed.IsZero(): // the lease was seized while the store was out of reach.
		j.doc.Entries = merge(doc.Entries, j.doc.Entries)
	case doc.Lease == nil || doc.Lease.ID != j.doc.Lease.ID:
		holder := Holder{}
		if doc.Lease != nil {
			holder = doc.Lease.Holder
		}
		j.lost = fmt.Errorf("the lease was lost: %w", &LockedError{j.store.String(), holder})
		if j.lose != nil {
			j.lose(j.lost)
		}
		return j.lost
	}
	j.version = stored.Version
	if err = j.write(ctx); err != nil {
		j.failed = time.Now()
	}
	return err
}

// merge adds the entries that are newer than all others.
func merge(entries, newer []Entry) []Entry {
	for _, e := range newer {
		if len(entries) == 0 || e.Time.After(entries[len(entries)-1].Time) {
			entries = append(entries, e)
		}
	}
	return entries
}

// Append implements [Journal].
func (j *SharedJournal) Append(e Entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lost != nil {
		return j.lost
	}
	before := j.doc.Entries
	j.doc.Entries = trim(append(before[:len(before):len(before)], e))
	err := errUnreachable
	if time.Since(j.failed) >= renewal { // or the renewal tries: an outage costs the way back nothing.
		err = j.save(context.Background())
	}
	switch {
	case j.lost != nil:
		return j.lost
	case err != nil && time.Since(j.renewed) >= leaseTime-leaseMargin && !goesBack(j.doc.Entries, e):
		j.doc.Entries = before
		return fmt.Errorf("the lease may have ended, since it was renewed %s ago: only the way back is free: %w", time.Since(j.renewed).Round(time.Second), err)
	}
	return j.local.Append(e)
}

// goesBack is true for what may be done without a lease: saying something, and going
// back.
func goesBack(entries []Entry, e Entry) bool {
	switch e.Event {
	case Noted, Stopped, Blamed, Aborting:
		return true
	case Started:
		return e.Plan != nil && e.Plan.atOnceOnly()
	}
	rollout := Fold(entries)
	return rollout != nil && rollout.back() && e.Event != Resumed
}

// trim leaves the oldest entries out, but none of the last rollout.
func trim(entries []Entry) []Entry {
	begin := 0
	for i, e := range entries {
		if e.Event == Started {
			begin = i
		}
	}
	return entries[min(begin, max(0, len(entries)-keptEntries)):]
}

// Foreign is true when the journal was written last in another folder, so that the
// stack file beside this one may be from before it.
func (j *SharedJournal) Foreign() bool { return j.foreign }

// Entries implements [Journal].
func (j *SharedJournal) Entries() ([]Entry, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]Entry(nil), j.doc.Entries...), nil
}

// renew keeps the lease.
func (j *SharedJournal) renew(ctx context.Context) {
	ticker := time.NewTicker(renewal)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			j.mu.Lock()
			if time.Since(j.renewed) >= renewal && j.lost == nil {
				_ = j.save(ctx) // the next one, or an entry, tries again.
			}
			j.mu.Unlock()
		}
	}
}

// Close gives the lease back.
func (j *SharedJournal) Close() error {
	j.stop()
	j.ended.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	var err error
	if j.lost == nil {
		mine := j.doc.Lease
		if err = j.save(context.Background()); err == nil {
			j.doc.Lease = nil
			err = j.write(context.Background())
			j.doc.Lease = mine
		}
		if err != nil {
			err = fmt.Errorf("giving the lease back (it ends by itself %s after it was renewed last): %w", leaseTime, err)
		}
	}
	return errors.Join(err, j.local.Close())
}

// ReadShared reads the journal of a store, and who has the lease (nil: nobody).
func ReadShared(ctx context.Context, store Store) ([]Entry, *Holder, error) {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	stored, err := store.Read(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the journal: %w", err)
	}
	doc, err := parse(stored)
	if err != nil || doc.Lease == nil || stored.Age >= leaseTime {
		return doc.Entries, nil, err
	}
	return doc.Entries, &doc.Lease.Holder, nil
}
