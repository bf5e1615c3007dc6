package compile

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// run runs go build -v and says how far it is after two seconds, with what it takes at
// most, and then every ten. The error has what Go said besides the packages.
func run(command *exec.Cmd, what, most string, out io.Writer) error {
	said := &counter{}
	command.Stdout, command.Stderr = said, said
	start, done := time.Now(), make(chan struct{})
	var saying sync.WaitGroup
	saying.Go(func() {
		select {
		case <-done:
			return
		case <-time.After(2 * time.Second):
			fmt.Fprintf(out, "%s (from an empty cache, on two cores: %s)\n", what, most)
		}
		for {
			select {
			case <-done:
				return
			case <-time.After(10 * time.Second):
				fmt.Fprintf(out, "%s: %s, %s\n", what, said, time.Since(start).Round(time.Second))
			}
		}
	})
	err := command.Run()
	close(done)
	saying.Wait()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", what, err, said.rest.String())
	}
	return nil
}

// counter reads what go build -v says: a line for each package, and for each module
// that it downloads.
type counter struct {
	mu                sync.Mutex
	partial           []byte
	modules, packages int
	rest              bytes.Buffer
}

func (c *counter) Write(data []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.partial = append(c.partial, data...)
	for {
		line, after, whole := bytes.Cut(c.partial, []byte("\n"))
		if !whole {
			return len(data), nil
		}
		c.partial = after
		switch text := string(line); {
		case strings.HasPrefix(text, "go: downloading "):
			c.modules++
		case strings.ContainsAny(text, " :\t"):
			c.rest.WriteString(text + "\n")
		default:
			c.packages++
		}
	}
}

func (c *counter) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.packages > 0:
		return fmt.Sprintf("%d packages", c.packages)
	case c.modules > 0:
		return fmt.Sprintf("%d modules downloaded", c.modules)
	default:
		return "comparing with the build cache"
	}
}
