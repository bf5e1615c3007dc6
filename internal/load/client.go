//go:build linux

package load

import (
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// bufferSize is that of a connection's buffer at first; it grows to the size of
// the largest answer.
const bufferSize = 4 << 10

// Client is a number of open connections to one server. It is not for
// concurrent use.
type Client struct {
	address netip.AddrPort
	epoll   int
	conns   []*conn
}

type conn struct {
	index int
	fd    int // -1: none
	data  []byte
	busy  bool
	due   time.Duration // of the run: when the request that is out was to be sent
}

// Dial opens connections to the server at a loopback address and port. They
// stay open, between runs too, until the client is closed.
func Dial(address string, connections int) (*Client, error) {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("dialing %q: %w", address, err)
	}
	if !target.Addr().IsLoopback() {
		return nil, fmt.Errorf("dialing %q: it must be a loopback address: load is for servers on this machine", address)
	}
	c := &Client{address: target}
	if c.epoll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	for i := range connections {
		n := &conn{index: i, fd: -1, data: make([]byte, 0, bufferSize)}
		if err := c.open(n); err != nil {
			c.Close()
			return nil, fmt.Errorf("dialing %q: connection %d: %w", address, i, err)
		}
		c.conns = append(c.conns, n)
	}
	return c, nil
}

// Close closes all connections.
func (c *Client) Close() {
	for _, n := range c.conns {
		c.shut(n)
	}
	_ = syscall.Close(c.epoll)
}

// open connects and has epoll watch the connection.
func (c *Client) open(n *conn) error {
	ip, port := c.address.Addr().Unmap(), int(c.address.Port())
	family, to := syscall.AF_INET6, syscall.Sockaddr(&syscall.SockaddrInet6{Port: port, Addr: ip.As16()})
	if ip.Is4() {
		family, to = syscall.AF_INET, &syscall.SockaddrInet4{Port: port, Addr: ip.As4()}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	n.fd = fd
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"connect", func() error { return syscall.Connect(fd, to) }}, // waits, which on loopback takes microseconds
		{"setnonblock", func() error { return syscall.SetNonblock(fd, true) }},
		{"setsockopt", func() error { return syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1) }},
		{"epoll_ctl", func() error {
			return syscall.EpollCtl(c.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(n.index)})
		}},
	} {
		if err := step.do(); err != nil {
			c.shut(n)
			return os.NewSyscallError(step.name, err)
		}
	}
	return nil
}

// shut closes a connection, if it is open, and forgets what it was about.
func (c *Client) shut(n *conn) {
	if n.fd >= 0 {
		_ = syscall.Close(n.fd) // epoll forgets it
	}
	n.fd, n.busy, n.data = -1, false, n.data[:0]
}
