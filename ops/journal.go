package ops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Journal keeps the decisions of rollouts. Append returns once the entry cannot
// be lost any more.
type Journal interface {
	Append(e Entry) error
	Entries() ([]Entry, error)
}

const (
	journalFile = "journal.jsonl"
	lockFile    = "lock"
	holderFile  = "holder.json"

	lockPatience = 300 * time.Millisecond
)

// Holder is who has the lock.
type Holder struct {
	User    string    `json:"user"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Run     string    `json:"run,omitempty"` // of a workflow, its address
	Since   time.Time `json:"since"`
}

func (h Holder) String() string {
	if h.PID == 0 {
		return "a process that has just begun"
	}
	if h.Run != "" {
		return fmt.Sprintf("workflow run %s (%s) since %s", h.Run, h.Command, h.Since.Local().Format(time.DateTime))
	}
	return fmt.Sprintf("%s@%s (process %d, %s) since %s", h.User, h.Host, h.PID, h.Command, h.Since.Local().Format(time.DateTime))
}

// LockedError says who has the lock.
type LockedError struct {
	Lock   string // what it is
	Holder Holder
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("the traffic is being changed by %s (lock %q): wait for it, or stop it and run ops status", e.Holder, e.Lock)
}

// FileJournal is a journal of JSON lines in a folder. Who has opened it has the
// lock on the traffic; the lock ends with the process, however that ends.
type FileJournal struct {
	dir    string
	lock   *flock.Flock
	file   *os.File
	holder Holder
	failed error // the first; what follows half a line would be lost with it
}

// OpenJournal locks a folder, which is made when it is not there, for a command.
// It fails with a [LockedError] when another process has it.
func OpenJournal(dir, command string) (*FileJournal, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	j := &FileJournal{dir: dir, lock: flock.New(filepath.Join(dir, lockFile))}
	// Whoever looks if it is locked has it for a moment.
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	free, err := j.lock.TryLockContext(ctx, lockPatience/10)
	if err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("locking %q: %w", dir, err)
	}
	if !free {
		holder, _ := readHolder(dir)
		return nil, &LockedError{filepath.Join(dir, lockFile), holder}
	}
	if err := j.open(command); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the journal: %w", err), j.Close())
	}
	return j, nil
}

func (j *FileJournal) open(command string) (err error) {
	holder := Holder{PID: os.Getpid(), Command: command, Since: time.Now().Round(time.Second)}
	holder.Host, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		holder.User = u.Username
	}
	if id := os.Getenv("GITHUB_RUN_ID"); id != "" {
		holder.Run = os.Getenv("GITHUB_SERVER_URL") + "/" + os.Getenv("GITHUB_REPOSITORY") + "/actions/runs/" + id
	}
	j.holder = holder
	data, err := json.Marshal(holder)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(j.dir, holderFile), data, 0o600); err != nil {
		return err
	}
	if j.file, err = os.OpenFile(filepath.Join(j.dir, journalFile), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	return j.mend()
}

// mend cuts off a last line that was not written to its end. What it would have
// said was not begun.
func (j *FileJournal) mend() error {
	data, err := io.ReadAll(j.file)
	if err != nil {
		return err
	}
	whole := int64(bytes.LastIndexByte(data, '\n') + 1)
	if err := j.file.Truncate(whole); err != nil {
		return err
	}
	if _, err = j.file.Seek(whole, io.SeekStart); err != nil {
		return err
	}
	// The file's name must last as well as its content.
	folder, err := os.Open(j.dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Append implements [Journal].
func (j *FileJournal) Append(e Entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	if j.failed == nil {
		_, j.failed = j.file.Write(append(line, '\n'))
	}
	if j.failed == nil {
		j.failed = j.file.Sync()
	}
	if j.failed != nil {
		return fmt.Errorf("writing the journal %q: %w", j.file.Name(), j.failed)
	}
	return nil
}

// replace makes the journal one of other entries, all or none of them.
func (j *FileJournal) replace(entries []Entry) error {
	var lines bytes.Buffer
	for _, e := range entries {
		if err := json.NewEncoder(&lines).Encode(e); err != nil {
			return fmt.Errorf("writing the journal: %w", err)
		}
	}
	name := j.file.Name()
	err := os.WriteFile(name+".partial", lines.Bytes(), 0o600)
	if err == nil {
		err = errors.Join(j.file.Close(), os.Rename(name+".partial", name))
	}
	if err == nil {
		j.file, err = os.OpenFile(name, os.O_RDWR, 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing the journal %q: %w", name, err)
	}
	return errors.Join(j.file.Sync(), j.mend())
}

// Entries implements [Journal].
func (j *FileJournal) Entries() ([]Entry, error) {
	entries, _, err := ReadJournal(j.dir)
	return entries, err
}

// Close gives the lock back.
func (j *FileJournal) Close() error {
	var errs []error
	if j.file != nil {
		errs = append(errs, j.file.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(filepath.Join(j.dir, holderFile)), j.lock.Unlock())...)
}

// ReadJournal reads a folder's entries, and who has its lock (nil: nobody). A last
// line that is cut off is left out.
func ReadJournal(dir string) ([]Entry, *Holder, error) {
	data, err := os.ReadFile(filepath.Join(dir, journalFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("reading the journal: %w", err)
	}
	var entries []Entry
	for n := 1; ; n++ {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			break
		}
		data = rest
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, nil, fmt.Errorf("reading the journal %q, line %d must be one JSON object (move the file away to forget its rollouts): %w",
				filepath.Join(dir, journalFile), n, err)
		}
		entries = append(entries, e)
	}
	return entries, locked(dir), nil
}

// locked returns who has the lock, nil when nobody has.
func locked(dir string) *Holder {
	holder, err := readHolder(dir)
	if err != nil {
		return nil
	}
	lock := flock.New(filepath.Join(dir, lockFile))
	if free, err := lock.TryRLock(); err == nil && free {
		_ = lock.Unlock()
		return nil // killed: its note is left
	}
	return &holder
}

func readHolder(dir string) (holder Holder, err error) {
	data, err := os.ReadFile(filepath.Join(dir, holderFile))
	if err == nil {
		err = json.Unmarshal(data, &holder)
	}
	return holder, err
}
