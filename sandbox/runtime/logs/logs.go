// Package logs is the runtime's CloudWatch Logs: groups of streams of events, a
// file a stream.
package logs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxEvent is the greatest size of an event; longer lines become several.
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
	maxEvent = 1 << 20
	// timestamp begins each line of a file, and is as wide at each time.
	timestamp = "2006-01-02T15:04:05.000000000Z"
	extension = ".log"
)

// Event is one line that was logged.
type Event struct {
	Timestamp time.Time `json:"timestamp"`
	Stream    string    `json:"stream"`
	Message   string    `json:"message"`
}

// Store keeps log groups in a folder.
type Store struct {
	// Observe is told each event as it is written, when it is set before the first
	// stream is opened. It must be quick.
	Observe func(group, message string)

	dir       string
	maxStream int64
}

// Open returns the store of a folder, which is made when it is needed. What a
// stream gets beyond a number of bytes is dropped; 0 stands for 64 MiB.
func Open(dir string, maxStream int64) *Store {
	if maxStream == 0 {
		maxStream = 64 << 20
	}
	return &Store{dir: dir, maxStream: maxStream}
}

// escape makes a file's name of any text.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), ".", "%2E") }

// Stream opens a stream of a group to append to. Lines become events when they
// are complete or the stream is closed.
func (s *Store) Stream(group, name string) (*Stream, error) {
	dir := filepath.Join(s.dir, escape(group))
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("opening log group %q: %w", group, err)
	}
	file, err := os.OpenFile(filepath.Join(dir, escape(name)+extension), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening log stream %q: %w", name, err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Stream{file: file, left: s.maxStream - info.Size(), group: group, observe: s.Observe}, nil
}

// Events returns what a group has since a time, the oldest first.
func (s *Store) Events(group string, since time.Time) ([]Event, error) {
	dir := filepath.Join(s.dir, escape(group))
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading log group %q: %w", group, err)
	}
	var events []Event
	for _, file := range files {
		name, err := url.QueryUnescape(strings.TrimSuffix(file.Name(), extension))
		if err != nil {
			continue // no file of ours.
		}
		found, err := read(filepath.Join(dir, file.Name()), name, since)
		if err != nil {
			return nil, fmt.Errorf("reading log stream %q: %w", name, err)
		}
		events = append(events, found...)
	}
	slices.SortStableFunc(events, func(a, b Event) int { return a.Timestamp.Compare(b.Timestamp) })
	return events, nil
}

func read(path, stream string, since time.Time) ([]Event, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var events []Event
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxEvent+len(timestamp)+2)
	for lines.Scan() {
		when, message, _ := strings.Cut(lines.Text(), " ")
		at, err := time.Parse(timestamp, when)
		if err != nil || at.Before(since) {
			continue // a line that a kill cut short, or an old one.
		}
		events = append(events, Event{at, stream, message})
	}
	return events, lines.Err()
}

// Stream is a writer of events. It is safe for concurrent use, and never fails a
// program for what it logs.
type Stream struct {
	group   string
	observe func(group, message string) // may be nil.

	mu      sync.Mutex
	file    *os.File
	partial []byte
	left    int64
}

// Write takes whole and partial lines.
func (s *Stream) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for rest := data; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		room := maxEvent - len(s.partial)
		if len(line) > room {
			line, after, whole = rest[:room], rest[room:], true
		}
		s.partial, rest = append(s.partial, line...), after
		if whole {
			s.flush()
		}
	}
	return len(data), nil
}

func (s *Stream) flush() {
	if s.observe != nil {
		s.observe(s.group, string(s.partial))
	}
	line := fmt.Appendf(nil, "%s %s\n", time.Now().UTC().Format(timestamp), s.partial)
	s.partial = s.partial[:0]
	if s.left <= 0 {
		return
	}
	if s.left -= int64(len(line)); s.left <= 0 {
		line = fmt.Appendf(nil, "%s (the stream is full: what follows is dropped)\n", line[:len(timestamp)])
	}
	_, _ = s.file.Write(line) // a full disk must not stop the program.
}

// Close writes an incomplete line and closes the stream.
func (s *Stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.partial) > 0 {
		s.flush()
	}
	return s.file.Close()
}
