//go:build linux

package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"
	"unsafe"
)

const (
	maxDuration = time.Minute
	maxRate     = 1e6
	maxRequest  = 16 << 10 // fits into any socket's buffer, so that it is written at once
	maxAnswer   = 16 << 20
	// grace is how long a run waits for the last answers.
	grace = 2 * time.Second
	// maxPause is how long a run may take to notice that it is cancelled.
	maxPause = 100 * time.Millisecond

	eventsAtOnce = 128
	// epollPwait2 is the one with timeouts finer than a millisecond, in Linux
	// from 5.11: https://man7.org/linux/man-pages/man2/epoll_wait.2.html
	epollPwait2 = 441
)

// run is a run under way. Its times are since its start.
type run struct {
	*Client
	Plan
	interval time.Duration // between requests; 0 without a rate
	start    time.Time
	sent     int
	idle     []*conn
	result   Result
	events   [eventsAtOnce]syscall.EpollEvent
}

// Run sends requests on all connections as plan says. It fails when the server
// is gone; what goes wrong with single connections is in the result.
func (c *Client) Run(ctx context.Context, plan Plan) (*Result, error) {
	switch {
	case len(plan.Request) == 0 || len(plan.Request) > maxRequest:
		return nil, fmt.Errorf("running load: the request must have 1 to %d bytes, got %d", maxRequest, len(plan.Request))
	case plan.Duration <= 0 || plan.Duration > maxDuration:
		return nil, fmt.Errorf("running load: the duration must be at most %s, got %s", maxDuration, plan.Duration)
	case plan.Rate < 0 || plan.Rate > maxRate:
		return nil, fmt.Errorf("running load: the rate must be at most %.0f a second, got %f", maxRate, plan.Rate)
	}
	runtime.LockOSThread() // the thread sleeps in epoll, not in Go's scheduler
	defer runtime.UnlockOSThread()
	r := &run{Client: c, Plan: plan, idle: slices.Clone(c.conns), result: Result{Answers: map[int]int{}}}
	if plan.Rate > 0 {
		r.interval = time.Duration(float64(time.Second) / plan.Rate)
	}
	r.start = time.Now()
	if err := r.loop(ctx); err != nil {
		return nil, fmt.Errorf("running load: %w", err)
	}
	if err := r.settle(); err != nil {
		return nil, fmt.Errorf("running load: %w", err)
	}
	return &r.result, nil
}

func (r *run) loop(ctx context.Context) error {
	for {
		if err := r.send(); err != nil {
			return err
		}
		now := time.Since(r.start)
		due, more := r.next(now)
		if now > r.Duration+grace || !more && len(r.idle) == len(r.conns) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		pause := maxPause
		if more && len(r.idle) > 0 {
			pause = min(pause, due-now)
		}
		if err := r.receive(pause); err != nil {
			return err
		}
	}
}

// next returns when the next request is due, and whether there is one.
func (r *run) next(now time.Duration) (time.Duration, bool) {
	due := now
	if r.interval > 0 {
		due = time.Duration(r.sent) * r.interval
	}
	return due, due < r.Duration && (r.Count == 0 || r.sent < r.Count)
}

// send sends the requests that are due on the connections that are idle, the
// longest idle first.
func (r *run) send() error {
	for len(r.idle) > 0 {
		now := time.Since(r.start)
		due, more := r.next(now)
		if !more || due > now {
			return nil
		}
		c := r.idle[0]
		r.idle = r.idle[1:]
		r.sent++
		c.busy, c.due = true, due
		if n, err := syscall.Write(c.fd, r.Request); n != len(r.Request) {
			if err := r.reopen(c, fmt.Errorf("sent %d of %d bytes: %w", n, len(r.Request), err)); err != nil {
				return err
			}
		}
	}
	return nil
}

// receive waits for answers for a while, and reads them.
func (r *run) receive(pause time.Duration) error {
	timeout := syscall.NsecToTimespec(max(pause, 0).Nanoseconds())
	events, until := unsafe.Pointer(&r.events[0]), unsafe.Pointer(&timeout) //nolint:gosec // the call has no other way
	n, _, errno := syscall.Syscall6(epollPwait2, uintptr(r.epoll), uintptr(events), eventsAtOnce, uintptr(until), 0, 0)
	switch errno {
	case 0:
	case syscall.EINTR:
		return nil
	default:
		return os.NewSyscallError("epoll_pwait2", errno)
	}
	for _, event := range r.events[:n] {
		if err := r.read(r.conns[event.Fd]); err != nil {
			return err
		}
		if r.interval == 0 { // the next request need not wait for the other answers
			if err := r.send(); err != nil {
				return err
			}
		}
	}
	return nil
}

// read reads what a connection has, and takes the answer when it is whole.
func (r *run) read(c *conn) error {
	c.data = slices.Grow(c.data, bufferSize/2)
	n, err := syscall.Read(c.fd, c.data[len(c.data):cap(c.data)])
	switch {
	case errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR):
		return nil
	case err == nil && n == 0:
		err = io.EOF
		fallthrough
	case err != nil:
		return r.reopen(c, err)
	}
	c.data = c.data[:len(c.data)+n]
	a, err := parse(c.data)
	switch {
	case err == nil && a.length == 0 && len(c.data) < maxAnswer:
		return nil
	case err == nil && (!c.busy || len(c.data) != a.length):
		err = errors.New("an answer is too long, or to no request")
		fallthrough
	case err != nil:
		return r.reopen(c, err)
	}
	r.result.Elapsed = time.Since(r.start)
	r.result.Latency.Record(r.result.Elapsed - c.due)
	r.result.Answers[a.status]++
	r.idle = append(r.idle, c)
	c.busy, c.data = false, c.data[:0]
	if a.close {
		r.shut(c)
		return r.open(c)
	}
	return nil
}

// reopen replaces a connection that broke.
func (r *run) reopen(c *conn, reason error) error {
	r.result.Broken++
	if r.result.Err == nil {
		r.result.Err = reason
	}
	if c.busy {
		r.idle = append(r.idle, c)
	}
	r.shut(c)
	return r.open(c)
}

// settle counts what was not answered, and replaces the connections that
// answers may still come from.
func (r *run) settle() error {
	now := time.Since(r.start)
	miss := func(due time.Duration) {
		r.result.Unanswered++
		r.result.Latency.Record(now - due)
	}
	for _, c := range r.conns {
		if !c.busy {
			continue
		}
		miss(c.due)
		r.shut(c)
		if err := r.open(c); err != nil {
			return err
		}
	}
	for due, more := r.next(now); more; due, more = r.next(now) {
		miss(due)
		r.sent++
	}
	return nil
}
