package task

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"syscall"
)

// The ports of processes lie below those that Linux gives to outgoing
// connections, 32768 and up, so that no connection of a load generator takes one.
const firstPort, ports = 20_000, 10_000

// addresses is how many a zone has.
const addresses = 250 * 250

// network hands out addresses and ports. Two hosts on a machine do not know of
// each other: each begins somewhere, and skips what is taken.
type network struct {
	mu             sync.Mutex
	zones          map[string]int // the second byte of their addresses.
	next, nextPort int
}

func newNetwork() *network {
	return &network{
		zones: map[string]int{}, next: rand.IntN(addresses), nextPort: rand.IntN(ports), //nolint:gosec // no secrets.
	}
}

// listen listens on a new address of a zone, or on one that a task has.
func (n *network) listen(zone, host string, port int) (net.Listener, error) {
	if host != "" {
		return net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.zones[zone] == 0 {
		n.zones[zone] = len(n.zones) + 1
	}
	for range addresses {
		i := n.next % addresses
		n.next++
		address := fmt.Sprintf("127.%d.%d.%d", n.zones[zone], i/250, i%250+1)
		listener, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		if !errors.Is(err, syscall.EADDRINUSE) {
			return listener, err
		}
	}
	return nil, fmt.Errorf("zone %q has no free address with port %d: end what listens on 127.%d.0.0/16", zone, port, n.zones[zone])
}

// port returns a port that is free on all addresses.
func (n *network) port() (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var err error
	for range ports {
		port := firstPort + n.nextPort%ports
		n.nextPort++
		var listener net.Listener
		if listener, err = net.Listen("tcp", ":"+strconv.Itoa(port)); err == nil {
			return port, listener.Close()
		}
	}
	return 0, fmt.Errorf("finding a port for a task: %w", err)
}
