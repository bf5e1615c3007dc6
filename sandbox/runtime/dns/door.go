package dns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// The ports that the two listeners of a [Door] stand for.
const (
	httpPort  = 80
	httpsPort = 443
)

// sniffTimeout bounds how long a client may take to say which name it is for.
const sniffTimeout = 10 * time.Second

// DoorOptions of a [Door].
type DoorOptions struct {
	// HTTP and HTTPS are the addresses to listen on. Default 127.0.0.1:0.
	HTTP, HTTPS string
	// Endpoint returns where the listener with a port, 80 or 443, of an answer's
	// load balancer is. Required.
	Endpoint func(answer Answer, port int) (address string, ok bool)
}

// Door passes connections on to where the name that they are for leads: it reads
// the server name of the TLS handshake or the Host header, and then copies bytes.
// The client's address stays: the load balancer sees the one that the client
// dialled from.
type Door struct {
	// HTTP and HTTPS are the addresses that it listens on.
	HTTP, HTTPS string

	opts      DoorOptions
	resolver  resolver
	listeners []net.Listener
	running   sync.WaitGroup

	mu     sync.Mutex
	open   map[net.Conn]bool
	closed bool
}

// OpenDoor listens for clients of a zone.
func OpenDoor(zone *Zone, opts DoorOptions) (*Door, error) {
	d := &Door{opts: opts, resolver: resolver{zone: zone, answers: map[question]kept{}}, open: map[net.Conn]bool{}}
	for _, l := range []struct {
		address string
		actual  *string
		port    int
		sniff   func(net.Conn) (string, []byte, error)
	}{{opts.HTTP, &d.HTTP, httpPort, sniffHost}, {opts.HTTPS, &d.HTTPS, httpsPort, sniffServerName}} {
		if l.address == "" {
			l.address = "127.0.0.1:0"
		}
		socket, err := net.Listen("tcp", l.address)
		if err != nil {
			d.Close()
			return nil, fmt.Errorf("opening the front door on %s: %w", l.address, err)
		}
		*l.actual = socket.Addr().String()
		d.listeners = append(d.listeners, socket)
		d.running.Go(func() { d.accept(socket, l.port, l.sniff) })
	}
	return d, nil
}

func (d *Door) accept(socket net.Listener, port int, sniff func(net.Conn) (string, []byte, error)) {
	for {
		client, err := socket.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(10 * time.Millisecond) // too many files are open: it gets better.
			continue
		}
		d.running.Go(func() {
			defer d.forget(client)
			if d.remember(client) {
				d.serve(client, port, sniff)
			}
		})
	}
}

// serve passes a connection on. What goes wrong closes it, as it would be for a
// client whose resolver or whose server fails.
func (d *Door) serve(client net.Conn, port int, sniff func(net.Conn) (string, []byte, error)) {
	_ = client.SetReadDeadline(time.Now().Add(sniffTimeout)) // of a socket: it never fails.
	name, begin, err := sniff(client)
	if err != nil {
		return
	}
	_ = client.SetReadDeadline(time.Time{})
	from := client.RemoteAddr().(*net.TCPAddr).IP
	answer, err := d.resolver.resolve(from.String(), name, time.Now())
	if err != nil {
		return
	}
	address, ok := d.opts.Endpoint(answer, port)
	if !ok {
		return
	}
	dialer := net.Dialer{Timeout: sniffTimeout, LocalAddr: &net.TCPAddr{IP: from}}
	server, err := dialer.DialContext(context.Background(), "tcp", address)
	if err != nil {
		return
	}
	defer d.forget(server)
	if d.remember(server) {
		join(client.(*net.TCPConn), server.(*net.TCPConn), begin)
	}
}

// buffers are for copying. Without them the kernel would, through a pipe for each
// direction of each connection, which takes four more files.
var buffers = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// join copies between two connections until both directions have ended.
func join(client, server *net.TCPConn, begin []byte) {
	var both sync.WaitGroup
	pass := func(to, from *net.TCPConn, first []byte) {
		buffer := buffers.Get().(*[16 << 10]byte)
		defer buffers.Put(buffer)
		_, err := to.Write(first)
		if err == nil {
			_, err = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, buffer[:])
		}
		if err != nil { // the other direction is of no use then.
			_ = from.Close()
			_ = to.Close()
		}
		_ = to.CloseWrite()
	}
	both.Go(func() { pass(server, client, begin) })
	both.Go(func() { pass(client, server, nil) })
	both.Wait()
}

// remember notes an open connection, unless the door is closed.
func (d *Door) remember(conn net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[conn] = true
	return !d.closed
}

func (d *Door) forget(conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, conn)
	_ = conn.Close()
}

// Close closes the listeners and all connections.
func (d *Door) Close() {
	for _, listener := range d.listeners {
		_ = listener.Close()
	}
	d.mu.Lock()
	d.closed = true
	for conn := range d.open {
		_ = conn.Close()
	}
	d.mu.Unlock()
	d.running.Wait()
}
