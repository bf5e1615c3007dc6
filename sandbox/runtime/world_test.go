//go:build linux

package runtime_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/balancer"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/dns"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/scheduler"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

const (
	live = "live.example.com"
	// scale makes 30 s of AWS 100 ms.
	scale = 300
)

// world is a runtime with colours.
type world struct{ *runtime.Runtime }

func setUp(t *testing.T, change func(*runtime.Options)) *world {
	t.Helper()
	opts := runtime.Options{Dir: t.TempDir(), Registry: runtimetest.Endpoint(), TimeScale: scale}
	if change != nil {
		change(&opts)
	}
	r, err := runtime.New(opts)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return &world{r}
}

func groupOf(color string) string {
	return "arn:aws:elasticloadbalancing:::targetgroup/" + color + "/1"
}

// color makes a load balancer for a colour.
func (w *world) color(t *testing.T, color string) {
	t.Helper()
	w.Balancers.ApplyTargetGroup(balancer.TargetGroup{
		ARN: groupOf(color), Name: color, DeregistrationDelay: 30, LoadBalancingAlgorithmType: balancer.LeastOutstanding,
		HealthCheck: balancer.HealthCheck{Path: "/health", HealthyThreshold: 2},
	})
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	forward := balancer.Action{Type: balancer.Forward, TargetGroupARN: groupOf(color)}
	require.NoError(t, w.Balancers.Apply(balancer.LoadBalancer{
		ARN: "arn:aws:elasticloadbalancing:::loadbalancer/app/" + color + "/2", Name: color, DNSName: color + ".elb.amazonaws.com",
		Listeners: []balancer.Listener{
			{Port: 80, Protocol: balancer.HTTP, DefaultAction: forward},
			{Port: 443, Protocol: balancer.HTTPS, DefaultAction: forward, Certificate: &server.TLS.Certificates[0]},
		},
	}))
}

// deploy runs an image as the service of a colour.
func (w *world) deploy(t *testing.T, color, image string, change func(*scheduler.Service)) *scheduler.Deployment {
	t.Helper()
	s := scheduler.Service{
		Name: color, Color: color, DesiredCount: 2, AvailabilityZones: []string{"a", "b"},
		TaskDefinition: scheduler.TaskDefinition{ARN: "task/" + image, CPU: 1024, Memory: 2048, Containers: task.Containers{{
			Name: "server", Image: image, PortMappings: []task.PortMapping{{ContainerPort: runtimetest.Port}}, StopTimeout: 30,
			LogConfiguration: task.LogConfiguration{LogDriver: "awslogs", Options: map[string]string{
				"awslogs-group": "/ecs/" + color, "awslogs-stream-prefix": "server",
			}},
		}}},
		LoadBalancers:            []scheduler.LoadBalancer{{TargetGroupARN: groupOf(color), ContainerName: "server", ContainerPort: runtimetest.Port}},
		DeploymentCircuitBreaker: scheduler.CircuitBreaker{Enable: true, Rollback: true},
	}
	if change != nil {
		change(&s)
	}
	d, err := w.Apply(s)
	require.NoError(t, err)
	return d
}

// wait waits for a deployment to settle.
func (w *world) wait(t *testing.T, d *scheduler.Deployment) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runtimetest.Patience)
	defer cancel()
	err := d.Wait(ctx)
	if ctx.Err() != nil {
		status, _ := json.MarshalIndent(w.Status(), "", " ")
		t.Logf("%s", status)
	}
	return err
}

// weights sets the records of the live name.
func (w *world) weights(t *testing.T, weights map[string]int) {
	t.Helper()
	records := []dns.Record{{Name: "example.com", Failover: dns.Primary, Alias: &dns.Alias{Name: live, EvaluateTargetHealth: true}}}
	for color, weight := range weights {
		records = append(records, dns.Record{
			Name: live, SetIdentifier: color, Weight: &weight,
			Alias: &dns.Alias{Name: color + ".elb.amazonaws.com", EvaluateTargetHealth: true},
		})
	}
	require.NoError(t, w.Zone.Set(records))
}

// start brings up one colour with all the traffic.
func start(t *testing.T, environment ...string) *world {
	t.Helper()
	w := setUp(t, nil)
	w.color(t, "blue")
	w.weights(t, map[string]int{"blue": 1})
	require.NoError(t, w.wait(t, w.deploy(t, "blue", runtimetest.Push(t, environment...), nil)))
	return w
}

func (w *world) service(name string) scheduler.ServiceStatus {
	for _, s := range w.Status().Services {
		if s.Name == name {
			return s
		}
	}
	return scheduler.ServiceStatus{}
}

// client dials the front door from an address.
func (w *world) client(from string) *http.Client {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return &http.Client{Timeout: runtimetest.Patience, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.HasSuffix(address, ":443") {
				return dialer.DialContext(ctx, network, w.Door.HTTPS)
			}
			return dialer.DialContext(ctx, network, w.Door.HTTP)
		},
	}}
}

// get asks the live name and returns the status and the body.
func get(client *http.Client, url string) (int, string, error) {
	resp, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// load sends requests until it is stopped.
type load struct {
	stop    chan struct{}
	workers sync.WaitGroup

	mu      sync.Mutex
	results map[string]int
}

// load sends about 300 requests a second to a path of the live name, from four
// clients that keep their connections for some requests.
func (w *world) load(path string) *load {
	l := &load{stop: make(chan struct{}), results: map[string]int{}}
	for i := range 4 {
		l.workers.Go(func() {
			client := w.client(fmt.Sprintf("127.9.0.%d", i+1))
			defer client.CloseIdleConnections()
			pace := time.NewTicker(12 * time.Millisecond)
			defer pace.Stop()
			for n := 0; ; n++ {
				select {
				case <-l.stop:
					return
				case <-pace.C:
				}
				if n%50 == 0 {
					client.CloseIdleConnections()
				}
				status, _, err := get(client, "http://"+live+path)
				result := fmt.Sprint(status)
				if err != nil {
					result = err.Error()
				}
				l.mu.Lock()
				l.results[result]++
				l.mu.Unlock()
			}
		})
	}
	return l
}

// end stops the load and returns how many requests had which result.
func (l *load) end() map[string]int {
	close(l.stop)
	l.workers.Wait()
	return l.results
}
