package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Timeouts of [Server.Serve]. The idle timeout is longer than the 60 s of an
// Application Load Balancer, which would otherwise reuse connections that the
// server is about to close:
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#connection-idle-timeout
const (
	readTimeout    = 5 * time.Second // of headers with a short body: guard has its own for others
	writeTimeout   = 30 * time.Second
	idleTimeout    = 75 * time.Second
	maxHeaderBytes = 12 << 10 // net/http adds 4 KiB: 16 KiB, as Node.js has it
)

// Drain is how a server stops. Together its times stay below the 30 s that ECS
// waits between SIGTERM and SIGKILL.
type Drain struct {
	// Notice is for how long the server still takes requests, with /health at
	// 503, so that load balancers can look elsewhere.
	Notice time.Duration
	// Timeout is how long requests in flight may then take.
	Timeout time.Duration
}

// Serve answers requests on listener with handler, which is the server itself or
// wraps it, until ctx is done. Then it drains and returns nil, or an error when
// requests were cut off. It closes the listener.
func (s *Server) Serve(ctx context.Context, listener net.Listener, handler http.Handler, drain Drain) error {
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readTimeout, // a second one would be set for each request
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // what clients do wrong
	}
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		s.health.drain()
		srv.SetKeepAlivesEnabled(false) // clients reconnect, elsewhere
		time.Sleep(drain.Notice)
		// The parent is done already: the drain has a deadline of its own.
		drainCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain.Timeout)
		defer cancel()
		drained <- srv.Shutdown(drainCtx)
	})
	defer stop()

	if err := srv.Serve(fewHeaders{listener}); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving on %s: %w", listener.Addr(), err)
	}
	if err := <-drained; err != nil {
		_ = srv.Close()
		return fmt.Errorf("draining requests for %s: %w", drain.Timeout, err)
	}
	return nil
}
