package task

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// StandsIn reports whether the sandbox runs a container as something else: the AWS
// Distro for OpenTelemetry, known by the folder of its configurations, as package
// collector.
func StandsIn(c ContainerDefinition) bool {
	return slices.ContainsFunc(c.Command, func(arg string) bool { return strings.HasPrefix(arg, "--config=/etc/ecs/") })
}

// receiver is a collector that runs. Its only signal is the end.
type receiver struct {
	server *http.Server
	done   chan struct{}
}

// collect runs the task's collector.
func (t *Task) collect(c *container) (program, error) {
	_, err := fmt.Fprintf(c.Log, "the sandbox stands in for %s on %s\n", c.ContainerDefinition.Image, t.collectorAddress())
	if err != nil {
		return nil, err
	}
	r := receiver{&http.Server{Handler: &t.host.Collected, ReadHeaderTimeout: 10 * time.Second}, make(chan struct{})}
	go func() {
		defer close(r.done)
		_ = r.server.Serve(c.listener) // ends with terminate.
	}()
	return r, nil
}

// collectorAddress is where the task's collector listens, empty without one.
func (t *Task) collectorAddress() string {
	if t.collector == nil {
		return ""
	}
	return t.collector.listener.Addr().String()
}

func (receiver) pid() int { return 0 }

func (r receiver) wait() Exit {
	<-r.done
	return Exit{Reason: "exit status 0"}
}

func (r receiver) terminate() { _ = r.server.Close() }
func (r receiver) kill()      { r.terminate() }
