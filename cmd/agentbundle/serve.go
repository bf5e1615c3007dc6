package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing/fstest"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server"
)

// lookAgain is how often the sources are looked at for changes.
const lookAgain = 500 * time.Millisecond

func serveCommand() *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use: "serve [SOURCE]", Short: "Serve the agents from their sources, as they are edited", Args: usage(cobra.MaximumNArgs(1)),
		Long: "Serve the web page, MCP and the API over a source, to this machine only. A\n" +
			"change of a file is served within a second; one that breaks it is reported, and\n" +
			"what was served before stays.",
		Example: `  agentbundle serve path/to/agents
  claude mcp add --transport http own http://localhost:3000/mcp`,
		RunE: func(cmd *cobra.Command, args []string) error {
			listener, err := new(net.ListenConfig).Listen(cmd.Context(), "tcp", address)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "serving http://%s\n", listener.Addr())
			return serve(cmd, listener, argument(args, 0))
		},
	}
	cmd.Flags().StringVar(&address, "address", "localhost:3000", "the `host:port` to listen on")
	return cmd
}

// serve serves a source until the command's context ends.
func serve(cmd *cobra.Command, listener net.Listener, source string) error {
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	var current atomic.Pointer[server.Server]
	last, err := reload(cmd, source, &current)
	if err != nil {
		_ = listener.Close()
		return err
	}
	srv := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { current.Load().ServeHTTP(w, r) }),
		ReadHeaderTimeout: 5 * time.Second,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(lookAgain)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				_ = srv.Close()
				return
			case <-ticker.C:
			}
			if state := fingerprint(source); state != last {
				last = state
				if _, err := reload(cmd, source, &current); err != nil {
					fmt.Fprintln(cmd.ErrOrStderr(), "still serving what was before:", err)
				}
			}
		}
	}()
	err = srv.Serve(listener)
	cancel()
	<-done
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// reload reads the source and serves it from now on.
func reload(cmd *cobra.Command, source string, current *atomic.Pointer[server.Server]) (state [sha256.Size]byte, err error) {
	state = fingerprint(source) // before it is read: a later change is seen again
	cfg, err := sourceConfig(source)
	if err != nil {
		return state, err
	}
	bundle, err := load(cmd, cfg)
	if err != nil {
		return state, err
	}
	files := fstest.MapFS{}
	for name, data := range bundle.Files() {
		files[name] = &fstest.MapFile{Data: data}
	}
	data, err := bundle.Manifest.Encode()
	if err != nil {
		return state, err
	}
	files[manifest.FileName] = &fstest.MapFile{Data: data}
	current.Store(server.New(files, &server.Options{Logger: slog.New(slog.DiscardHandler)}))
	m := &bundle.Manifest
	fmt.Fprintf(cmd.ErrOrStderr(), "%d agents, %d commands, %s\n", len(m.Agents), len(m.Commands), m.BundleDigest)
	return state, nil
}

// fingerprint changes when a file of the source does.
func fingerprint(source string) [sha256.Size]byte {
	roots := []string{source}
	if cfg, err := sourceConfig(source); err == nil {
		for _, s := range append([]agentbundle.Source{cfg.Package}, cfg.Overlays...) {
			roots = append(roots, s.Path)
		}
	}
	h := sha256.New()
	for _, root := range roots {
		_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() && path != root && (entry.Name() == ".git" || entry.Name() == "node_modules") {
				return fs.SkipDir
			}
			if err == nil && !entry.IsDir() {
				if info, err := entry.Info(); err == nil {
					fmt.Fprintf(h, "%q %d %d\n", path, info.Size(), info.ModTime().UnixNano())
				}
			}
			return nil
		})
	}
	return [sha256.Size]byte(h.Sum(nil))
}
