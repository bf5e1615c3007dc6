// Server is the program in the images of the runtime's tests: it behaves as its
// environment and its requests say.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		os.Exit(command(os.Args[1], os.Args[2:]))
	}
	if after, err := time.ParseDuration(os.Getenv("CRASH_AFTER")); err == nil {
		fmt.Fprintln(os.Stderr, "panic: this release crashes")
		time.AfterFunc(after, func() { os.Exit(3) })
	}
	if os.Getenv("FORK") != "" {
		program := os.Args[0]
		if path, err := os.Executable(); err == nil { // unless it is locked into its image.
			program = path
		}
		child := exec.Command(program, "sleep")
		child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr // an image has no /dev/null.
		if err := child.Start(); err != nil {
			panic(err)
		}
	}
	serve()
}

func command(name string, arguments []string) (code int) {
	switch name {
	case "sleep":
		time.Sleep(time.Minute)
		return 0
	case "exit": // after a while, with a code.
		fmt.Println("migrating")
		after, _ := time.ParseDuration(arguments[0])
		time.Sleep(after)
		_, _ = fmt.Sscan(arguments[1], &code)
		return code
	}
	resp, err := http.Get("http://127.0.0.1:" + os.Getenv("PORT") + "/health")
	if err != nil {
		return 1
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}

func serve() {
	var sick atomic.Bool
	sick.Store(os.Getenv("SICK") != "")
	http.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if sick.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	http.HandleFunc("/sick", func(http.ResponseWriter, *http.Request) { sick.Store(true) })
	http.HandleFunc("/die", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	http.HandleFunc("/sleep", func(_ http.ResponseWriter, r *http.Request) {
		d, _ := time.ParseDuration(r.URL.RawQuery)
		time.Sleep(d)
	})
	http.HandleFunc("/status", func(w http.ResponseWriter, r *http.Request) {
		var code int
		_, _ = fmt.Sscan(r.URL.RawQuery, &code)
		w.WriteHeader(code)
	})
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		dir, _ := os.Getwd()
		_ = json.NewEncoder(w).Encode(map[string]any{
			"release": os.Getenv("RELEASE"), "uid": os.Getuid(), "dir": dir, "environment": os.Environ(), "args": os.Args,
			"pid": os.Getpid(), "host": r.Host, "header": r.Header, "remote": r.RemoteAddr, "query": r.URL.RawQuery,
		})
	})
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	srv := &http.Server{Addr: ":" + os.Getenv("PORT"), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		fmt.Println("listening on", srv.Addr)
		if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}()
	<-ctx.Done()
	fmt.Println("stopping")
	if os.Getenv("IGNORE_TERM") != "" {
		time.Sleep(time.Minute)
	}
	_ = srv.Shutdown(context.Background()) // it ends either way.
}
