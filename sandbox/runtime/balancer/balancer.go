package balancer

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// defaultIdleTimeout in seconds, and connectTimeout.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
	defaultIdleTimeout = 60
	connectTimeout     = 10 * time.Second
	// clientKeepAlive is the default of client_keep_alive.seconds.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
	clientKeepAlive = 3600
	maxHeaders      = 64 << 10
)

// balancer is a load balancer that runs.
type balancer struct {
	all       *Balancers
	address   string // its IP address.
	spec      atomic.Pointer[LoadBalancer]
	transport atomic.Pointer[http.Transport]
	waf       atomic.Pointer[waf]
	blocked   atomic.Int64 // requests, by the web ACL.
	log       io.Writer
	listeners map[int]*listener // guarded by all.mu.
}

// listener is a port that a load balancer listens on.
type listener struct {
	balancer *balancer
	spec     atomic.Pointer[Listener]
	address  string
	server   *http.Server
}

func newBalancer(all *Balancers, spec LoadBalancer) *balancer {
	return &balancer{all: all, log: all.opts.AccessLog(spec.Name), listeners: map[int]*listener{}}
}

func (b *balancer) apply(spec LoadBalancer) error {
	before := b.spec.Swap(&spec)
	if before == nil || before.IdleTimeout != spec.IdleTimeout {
		b.closeIdle(b.transport.Swap(newTransport(spec)))
	}
	if before == nil || !reflect.DeepEqual(before.WebACL, spec.WebACL) {
		waf, err := newWAF(spec.WebACL, b.all.opts.Scale)
		if err != nil {
			return fmt.Errorf("web ACL: %w", err)
		}
		b.waf.Store(waf)
	}
	wanted := map[int]bool{}
	for _, l := range spec.Listeners {
		wanted[l.Port] = true
	}
	for port, l := range b.listeners {
		if !wanted[port] {
			l.close()
			delete(b.listeners, port)
		}
	}
	for _, l := range spec.Listeners {
		if err := b.listen(l); err != nil {
			return err
		}
	}
	return nil
}

// openedKey has the time when the connection of a request was opened.
type openedKey struct{}

// kept reports whether the connection of a request may be kept. When it has been open
// for the keep-alive time, the answer to the next request ends it: with Connection:
// close in HTTP/1.1 and a GOAWAY frame in HTTP/2.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#http-client-keep-alive-duration
func (b *balancer) kept(r *http.Request) bool {
	opened, _ := r.Context().Value(openedKey{}).(time.Time)
	return time.Since(opened) < b.all.opts.Scale.Seconds(cmp.Or(b.spec.Load().ClientKeepAlive, clientKeepAlive))
}

func newTransport(spec LoadBalancer) *http.Transport {
	idle := time.Duration(cmp.Or(spec.IdleTimeout, defaultIdleTimeout)) * time.Second
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
		ResponseHeaderTimeout: idle, IdleConnTimeout: idle, MaxIdleConnsPerHost: 1024, DisableCompression: true,
	}
}

func (b *balancer) closeIdle(transport *http.Transport) {
	if transport != nil {
		transport.CloseIdleConnections()
	}
}

// listen opens a listener or changes what it does.
func (b *balancer) listen(spec Listener) error {
	if current := b.listeners[spec.Port]; current != nil {
		if current.spec.Load().Protocol == spec.Protocol {
			current.spec.Store(&spec)
			return nil
		}
		current.close()
		delete(b.listeners, spec.Port)
	}
	socket, err := b.all.addresses.listen(&b.address, spec.Port)
	if err != nil {
		return fmt.Errorf("opening the listener on port %d: %w", spec.Port, err)
	}
	l := &listener{balancer: b, address: socket.Addr().String()}
	l.spec.Store(&spec)
	l.server = &http.Server{
		Handler: newProxy(l), ReadHeaderTimeout: defaultIdleTimeout * time.Second, IdleTimeout: defaultIdleTimeout * time.Second,
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, openedKey{}, time.Now())
		},
		MaxHeaderBytes: maxHeaders, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return l.spec.Load().Certificate, nil
		}},
	}
	go func() { // ends with close.
		if spec.Protocol == HTTPS {
			_ = l.server.ServeTLS(socket, "", "")
		} else {
			_ = l.server.Serve(socket)
		}
	}()
	b.listeners[spec.Port] = l
	return nil
}

func (l *listener) close() { _ = l.server.Close() }

func (b *balancer) close() {
	for _, l := range b.listeners {
		l.close()
	}
	b.closeIdle(b.transport.Load())
}

// blocks is how many times 250 addresses there are for load balancers.
const blocks = 250

// addresses hands out the addresses of load balancers. Two processes on a machine
// do not know of each other: each begins somewhere, and skips what is taken.
type addresses struct {
	mu   sync.Mutex
	next int
}

// listen listens on a load balancer's address, which it chooses when there is
// none. Where this user may not listen on a port below 1024, any port is taken.
func (a *addresses) listen(address *string, port int) (net.Listener, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for range blocks * 250 {
		try := *address
		if try == "" {
			try = fmt.Sprintf("127.100.%d.%d", a.next/250%blocks, a.next%250+1)
			a.next++
		}
		socket, err := net.Listen("tcp", net.JoinHostPort(try, strconv.Itoa(port)))
		if errors.Is(err, syscall.EACCES) {
			socket, err = net.Listen("tcp", net.JoinHostPort(try, "0"))
		}
		switch {
		case err == nil:
			*address = try
			return socket, nil
		case *address != "" || !errors.Is(err, syscall.EADDRINUSE):
			return nil, err
		}
	}
	return nil, errors.New("no address of 127.100.0.0/16 is free: end what listens there")
}
