package task

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/timescale"
)

// nobody is who a task runs as when neither its definition nor its image says
// it: the "nonroot" of the distroless images.
const nobody = 65532

// drainNotice is codeflow-server's default of CODEFLOW_DRAIN_NOTICE in seconds:
// it waits for a load balancer to look away, which takes AWS's time.
const drainNotice = 3

// plan is how a container's processes are started: the program, and the checks
// of its health.
type plan struct {
	root, dir   string
	arguments   []string
	environment []string
	uid, gid    uint32
	locked      bool // into root, as another user, which takes being root.
}

func newPlan(c *Container) (*plan, error) {
	config := c.Image.Config
	p := &plan{root: c.Image.Root, dir: path.Join("/", config.WorkingDir), locked: os.Geteuid() == 0}
	if c.WorkingDirectory != "" {
		p.dir = path.Join("/", c.WorkingDirectory)
	}
	// An entry point of the task definition makes the image's command moot.
	// https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact
	switch command := c.Command; {
	case c.EntryPoint != nil:
		p.arguments = slices.Concat(c.EntryPoint, command)
	case command != nil:
		p.arguments = slices.Concat(config.Entrypoint, command)
	default:
		p.arguments = slices.Concat(config.Entrypoint, config.Cmd)
	}
	if len(p.arguments) == 0 {
		return nil, errors.New("it has no entry point: give one in the task definition or the image")
	}
	for _, arguments := range [][]string{p.arguments, c.HealthCheck.arguments()} {
		if len(arguments) > 0 && !path.IsAbs(arguments[0]) {
			return nil, fmt.Errorf("its program must be an absolute path in the image, got %q", arguments[0])
		}
	}
	user := c.User
	if user == "" {
		user = config.User
	}
	return p, p.setUser(user)
}

// setUser takes "UID", "UID:GID" or nothing. Names are not looked up.
func (p *plan) setUser(user string) error {
	if user == "" {
		user = strconv.Itoa(nobody)
	}
	first, second, both := strings.Cut(user, ":")
	if !both {
		second = first
	}
	uid, err := strconv.ParseUint(first, 10, 32)
	gid, errGroup := strconv.ParseUint(second, 10, 32)
	if err != nil || errGroup != nil || uid == 0 || gid == 0 {
		return fmt.Errorf("its user must be a number that is not root's, as 65532:65532, got %q", user)
	}
	p.uid, p.gid = uint32(uid), uint32(gid)
	return nil
}

// user says who the processes run as.
func (p *plan) user() string {
	if !p.locked {
		return fmt.Sprintf("%d, the user of the sandbox, which is not root", os.Geteuid())
	}
	return fmt.Sprintf("%d:%d", p.uid, p.gid)
}

// command is a command in the container. The paths are those of the image.
func (p *plan) command(arguments []string) *exec.Cmd {
	cmd := &exec.Cmd{Path: arguments[0], Args: arguments, Env: p.environment, Dir: p.dir}
	if !p.locked {
		cmd.Path, cmd.Dir = filepath.Join(p.root, cmd.Path), filepath.Join(p.root, cmd.Dir)
	}
	confine(cmd, p)
	return cmd
}

// environment is the image's, the task definition's and what the host decides.
// The collector is the address of the task's, if it has one.
func environment(c *Container, port int, collector string, scale timescale.Scale) []string {
	all := map[string]string{}
	for _, variable := range c.Image.Config.Env {
		name, value, _ := strings.Cut(variable, "=")
		all[name] = value
	}
	for _, variable := range c.Environment {
		all[variable.Name] = variable.Value
	}
	maps.Copy(all, c.Values)
	for name, value := range all {
		if collector != "" && strings.HasPrefix(name, "OTEL_EXPORTER_OTLP_") && strings.HasSuffix(name, "ENDPOINT") {
			all[name] = lead(value, collector)
		}
	}
	all["PORT"] = strconv.Itoa(port)
	all["CODEFLOW_METRICS_PORT"] = "0" // all tasks would want the same one.
	all["CODEFLOW_METRICS_INTERVAL"] = scale.Seconds(60).String()
	all["CODEFLOW_DRAIN_NOTICE"] = scale.Seconds(drainNotice).String()
	if os.Geteuid() != 0 {
		all["CODEFLOW_BUNDLE"] = filepath.Join(c.Image.Root, "bundle")
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+"="+all[name])
	}
	return list
}

// lead changes the address of a URL on localhost.
func lead(text, address string) string {
	u, err := url.Parse(text)
	if err != nil || (u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1") {
		return text
	}
	u.Host = address
	return u.String()
}
