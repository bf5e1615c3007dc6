package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Timeouts of [Serve]. The idle timeout is longer than the 60 s of an
// Application Load Balancer, which would otherwise reuse connections that the
// server is about to close:
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#connection-idle-timeout
// The drain stays below the 30 s that ECS waits between SIGTERM and SIGKILL.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 75 * time.Second
	drainTimeout      = 25 * time.Second
	maxHeaderBytes    = 64 << 10
)

// Serve answers requests on listener until ctx is done, then lets requests in
// flight finish and returns nil. It closes the listener.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		// The parent is done already: the drain has a deadline of its own.
		drainCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		drained <- srv.Shutdown(drainCtx)
	})
	defer stop()

	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving on %s: %w", listener.Addr(), err)
	}
	if err := <-drained; err != nil {
		return fmt.Errorf("draining requests for %s: %w", drainTimeout, err)
	}
	return nil
}
