package guard

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
)

// limit counts what is in use, in all and by client.
type limit struct {
	all, each int

	mu   sync.Mutex
	used int
	by   map[netip.Prefix]int
}

func newLimit(all, each int) *limit {
	return &limit{all: all, each: each, by: map[netip.Prefix]int{}}
}

// take reports whether a client may use one more, and counts it. Clients without
// an address are not told apart.
func (l *limit) take(client netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used >= l.all || client.IsValid() && l.by[client] >= l.each {
		return false
	}
	l.used++
	if client.IsValid() {
		l.by[client]++
	}
	return true
}

func (l *limit) release(client netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used--
	if !client.IsValid() {
		return
	}
	if l.by[client]--; l.by[client] == 0 {
		delete(l.by, client)
	}
}

// client is the address that a request comes from: the one that connects, or
// behind proxies the one that the first of them vouches for, which is that far
// from the end of X-Forwarded-For. What stands before it is the client's word.
// Of IPv6 it is the network, since every client has one. This machine's own
// addresses are none: behind them is who administers it, or a proxy.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
func (o Options) client(r *http.Request) netip.Prefix {
	address := r.RemoteAddr
	if o.Proxies > 0 {
		hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
		address = strings.TrimSpace(hops[max(len(hops)-o.Proxies, 0)])
	}
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	ip, err := netip.ParseAddr(address)
	if ip = ip.Unmap().WithZone(""); err != nil || ip.IsLoopback() {
		return netip.Prefix{}
	}
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	network, _ := ip.Prefix(bits) // of an address it always has
	return network
}
