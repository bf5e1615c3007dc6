package task

import (
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// Faults are what is wrong with a task besides its program.
type Faults struct {
	// Delay is added to each answer, in real time.
	Delay time.Duration
	// ErrorPercent of the requests are answered with 500.
	ErrorPercent float64
	// Unhealthy fails all health checks.
	Unhealthy bool
}

// HealthChecker begins the User-Agent of a load balancer's health checks, which
// no fault but Unhealthy touches.
const HealthChecker = "ELB-HealthChecker/"

// headerTimeout bounds how long a connection may take to ask for something.
const headerTimeout = time.Minute

// forwarder passes requests from a port of the task's address to a process, with
// the faults of the task.
type forwarder struct {
	server    http.Server
	transport *http.Transport
}

func (c *container) forward(process string) *forwarder {
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 1024, IdleConnTimeout: time.Minute}
	proxy := &httputil.ReverseProxy{
		Transport: transport, ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: process})
			r.Out.Host, r.Out.URL.RawQuery = r.In.Host, r.In.URL.RawQuery
			for name, values := range r.In.Header { // what a proxy leaves out by default.
				if strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" {
					r.Out.Header[name] = values
				}
			}
		},
		// The program closed the connection, so the forwarder does.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	f := &forwarder{transport: transport, server: http.Server{
		Handler:           c.withFaults(proxy),
		ReadHeaderTimeout: headerTimeout, ErrorLog: log.New(io.Discard, "", 0),
	}}
	go func() { _ = f.server.Serve(c.listener) }() // ends with close.
	return f
}

func (c *container) withFaults(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := c.task.faults.Load()
		if strings.HasPrefix(r.UserAgent(), HealthChecker) {
			if f.Unhealthy {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		spoils := f.ErrorPercent > rand.Float64()*100 //nolint:gosec // no secret.
		if told := c.task.host.Faulted; told != nil && (spoils || f.Delay > 0) {
			status := http.StatusOK
			if spoils {
				status = http.StatusInternalServerError
			}
			told(&c.ContainerDefinition, status, f.Delay)
		}
		if f.Delay > 0 {
			select {
			case <-time.After(f.Delay):
			case <-r.Context().Done():
				panic(http.ErrAbortHandler)
			}
		}
		if spoils {
			http.Error(w, "a fault of the sandbox", http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (f *forwarder) close() {
	_ = f.server.Close()
	f.transport.CloseIdleConnections()
}
