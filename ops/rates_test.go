// How often the controller is wrong, in a simulation: it takes a good release back, or
// does not take a bad one back. It proves as much as its noise is like yours: see
// simulated for what that is. docs/ops.md has the table.
package ops_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/opstest"
)

// rollouts is how many of each kind are simulated. The file has the results of all.
var rollouts = flag.Int("rates", 0, "simulate so many rollouts of each kind, and write the results and the table")

// service is one that is released.
type service struct {
	name    string
	rate    float64 // requests per second
	clients int
}

var services = []service{{"2/s, 8 clients", 2, 8}, {"10/s, 20 clients", 10, 20}, {"50/s, 100 clients", 50, 100}, {"200/s, 200 clients", 200, 200}}

// fault is what is wrong with a release.
type fault struct {
	name   string
	errors float64 // share of requests that fail besides
	slower float64 // times
	tasks  int     // which it is wrong with, of three
}

var faults = []fault{
	{"no fault", 0, 1, 3},
	{"1 % errors", 0.01, 1, 3},
	{"5 % errors", 0.05, 1, 3},
	{"1.5 times slower", 0, 1.5, 3},
	{"2 times slower", 0, 2, 3},
	{"10 times slower", 0, 10, 3},
	{"one of three tasks 5 times slower", 0, 5, 1},
	{"one of three tasks fails half", 0.5, 1, 1},
	{"a route of 3 % fails", 0.03, 1, 3},
}

// simulated is an account whose requests are made up, minute by minute. Half of the
// requests take 20 ms and one of 20 takes 63 (lognormal), one of 200 ten times as long,
// and one of 2000 fails. Then there is noise:
//
//   - clients send unlike numbers of requests (Zipf) of unlike kinds (a factor,
//     lognormal 0.3), and go where their resolver says, for a minute
//   - bursts: in one of 20 minutes the load is two to four times as high, and all
//     requests take longer with it
//   - a busy neighbour begins at a task once an hour, and makes it up to three times
//     slower for one to six minutes
//   - cold caches: the first three minutes of a colour with traffic are 2, 1.5 and 1.2
//     times slower, and 1.05 times below a fifth of the traffic
//   - once in four hours something that both use makes 2 % of all requests fail, and all
//     three times slower, for a minute
//
// CloudWatch has a minute one minute after it ended.
type simulated struct {
	*opstest.Fake
	service
	fault  fault
	random *rand.Rand

	weight    []float64 // of the clients, 1 in all
	factor    []float64 // of their requests' times
	at        []string  // which colour each one uses this minute
	minute    time.Time
	minutes   map[string][]ops.Minute
	neighbour map[string]*[3]neighbour
	served    map[string]int // minutes with traffic
}

type neighbour struct {
	minutes int
	slower  float64
}

func simulate(s service, f fault, seed uint64) *simulated {
	sim := &simulated{
		Fake: opstest.New(), service: s, fault: f, random: rand.New(rand.NewPCG(seed, 17)), minute: time.Now(),
		minutes: map[string][]ops.Minute{}, neighbour: map[string]*[3]neighbour{"blue": {}, "green": {}},
		served: map[string]int{"blue": 1000}, at: make([]string, s.clients),
	}
	sum := 0.0
	for i := range s.clients {
		sim.weight = append(sim.weight, 1/float64(i+1))
		sim.factor = append(sim.factor, math.Exp(0.3*sim.random.NormFloat64()))
		sum += sim.weight[i]
	}
	for i := range sim.weight {
		sim.weight[i] /= sum
	}
	sim.Edit(func(st *opstest.State) {
		st.Load = s.rate
		for _, c := range st.Colors { // enough for any load.
			c.Targets.Healthy, c.Desired, c.Running = 60, 60, 60
		}
	})
	sim.resolve()
	return sim
}

// resolve lets every client ask for an address.
func (s *simulated) resolve() {
	s.Edit(func(st *opstest.State) {
		answers := st.Answers()
		for i := range s.at {
			s.at[i] = pick(answers, s.random.Float64())
		}
	})
}

func (s *simulated) Requests(_ context.Context, color string, window time.Duration) (ops.Requests, error) {
	now := time.Now()
	for ; now.Sub(s.minute) >= time.Minute; s.minute = s.minute.Add(time.Minute) {
		s.pass()
		s.resolve()
	}
	known := s.minutes[color]
	known = known[:max(0, len(known)-1)] // the last is not reported yet.
	n := int(window.Minutes())
	list := make([]ops.Minute, max(0, n-len(known)), n)
	for i := range list {
		list[i].Start = s.minute.Add(-time.Hour * 24)
	}
	return ops.Sum(append(list, known[max(0, len(known)-n):]...), time.Minute), nil
}

// pass is a minute of both colours.
func (s *simulated) pass() {
	load, slower, failing := s.rate*60, 1.0, 0.0005
	if s.random.Float64() < 1.0/20 {
		burst := 2 + 2*s.random.Float64()
		load, slower = load*burst, math.Pow(burst, 0.3)
	}
	if s.random.Float64() < 1.0/240 {
		failing, slower = failing+0.02, 3*slower
	}
	for _, color := range []string{"blue", "green"} {
		share := 0.0
		for i, at := range s.at {
			if at == color {
				share += s.weight[i]
			}
		}
		s.minutes[color] = append(s.minutes[color], s.answer(color, s.poisson(load*share), share, slower, failing))
	}
}

func (s *simulated) answer(color string, n int, share, slower, failing float64) ops.Minute {
	m := ops.Minute{Start: s.minute, Count: n}
	tasks := s.neighbour[color]
	for i := range tasks {
		if t := &tasks[i]; t.minutes > 0 {
			t.minutes--
		} else if *t = (neighbour{0, 1}); s.random.Float64() < 1.0/60 {
			*t = neighbour{s.random.IntN(6), 1 + 2*s.random.Float64()}
		}
	}
	if n == 0 {
		return m
	}
	if cold := []float64{2, 1.5, 1.2}; s.served[color] < len(cold) {
		slower *= cold[s.served[color]]
	}
	if share < 0.2 {
		slower *= 1.05
	}
	s.served[color]++
	bad := func(task int) bool { return color == "green" && task < s.fault.tasks }
	for task := range tasks {
		errors := failing
		if bad(task) {
			errors += s.fault.errors
		}
		m.Errors += s.poisson(errors * float64(n) / 3)
	}
	m.Errors = min(m.Errors, n)
	times := s.times(color, n, slower, bad)
	at := func(p float64) time.Duration {
		return time.Duration(times[int(p*float64(len(times)))] * float64(time.Second))
	}
	m.P50, m.P95, m.P99 = at(0.5), at(0.95), at(0.99)
	return m
}

// times are those of at most 300 of n requests, in seconds, sorted.
func (s *simulated) times(color string, n int, slower float64, bad func(task int) bool) []float64 {
	var clients []int
	var until []float64
	sum := 0.0
	for i, at := range s.at {
		if at == color {
			sum += s.weight[i]
			clients, until = append(clients, i), append(until, sum)
		}
	}
	times := make([]float64, min(n, 300))
	for i := range times {
		client, _ := slices.BinarySearch(until, s.random.Float64()*sum)
		task := s.random.IntN(3)
		t := 0.02 * math.Exp(0.7*s.random.NormFloat64()) * slower * s.factor[clients[min(client, len(clients)-1)]] * s.neighbour[color][task].slower
		if bad(task) {
			t *= s.fault.slower
		}
		if s.random.Float64() < 1.0/200 {
			t *= 10
		}
		times[i] = t
	}
	slices.Sort(times)
	return times
}

// poisson is a number of events of which so many are expected.
func (s *simulated) poisson(mean float64) int {
	if mean > 50 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*s.random.NormFloat64())))
	}
	n, p := 0, math.Exp(-mean)
	for left := s.random.Float64(); left > p && n < 1000; n++ {
		left -= p
		p *= mean / float64(n+1)
	}
	return n
}

// verdict is how one rollout ended.
type verdict struct {
	Back    bool `json:"back"`    // the traffic went back
	Stopped bool `json:"stopped"` // too little was known
	Seconds int  `json:"seconds"` // from the first traffic to the blame
	Reason  string
}

func (s *simulated) run(ctx context.Context) (v verdict) {
	journal := &opstest.Journal{}
	c := &ops.Controller{Cloud: s, Stacks: s, Journal: journal, Out: io.Discard}
	err := c.Switch(ctx, ops.SwitchOptions{To: "green", Bake: 5 * time.Minute, Guard: 30 * time.Minute})
	entries, _ := journal.Entries()
	var begun time.Time
	for _, e := range entries {
		switch {
		case e.Event == ops.Weighed && begun.IsZero():
			begun = e.Time
		case e.Event == ops.Blamed:
			v.Back, v.Seconds, v.Reason = true, int(e.Time.Sub(begun).Seconds()), strings.Join(e.Reasons, "; ")
		}
	}
	v.Stopped = !v.Back && err != nil
	if v.Stopped {
		v.Reason = err.Error()
	}
	return v
}

// rate is how the rollouts of a kind ended.
type rate struct {
	Rollouts int `json:"rollouts"`
	Back     int `json:"back"`
	Stopped  int `json:"stopped"`
	Median   int `json:"median"`  // seconds until it is blamed
	Slowest  int `json:"slowest"` // 95 of 100 of them are blamed by then
}

func rateOf(verdicts []verdict) (r rate) {
	var seconds []int
	for _, v := range verdicts {
		r.Rollouts++
		if v.Stopped {
			r.Stopped++
		}
		if v.Back {
			r.Back++
			seconds = append(seconds, v.Seconds)
		}
	}
	slices.Sort(seconds)
	if len(seconds) > 0 {
		r.Median, r.Slowest = seconds[len(seconds)/2], seconds[len(seconds)*95/100]
	}
	return r
}

// rates are by fault and service.
type rates map[string]map[string]rate

// results are in the file: of the first rollouts, which the test runs, and of all.
type results struct {
	First rates `json:"first"`
	All   rates `json:"all"`
}

const firstRollouts, resultsFile, runbook = 4, "testdata/rates.json", "../docs/ops.md"

// simulateAll runs so many rollouts of each kind.
func simulateAll(t *testing.T, n int) results {
	t.Helper()
	r := results{rates{}, rates{}}
	var mu sync.Mutex
	var pending sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, f := range faults { // before anybody reads the maps.
		r.First[f.name], r.All[f.name] = map[string]rate{}, map[string]rate{}
	}
	for _, f := range faults {
		for _, s := range services {
			pending.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				verdicts := make([]verdict, n)
				for i := range n {
					synctest.Test(t, func(t *testing.T) { verdicts[i] = simulate(s, f, uint64(i)).run(t.Context()) })
				}
				mu.Lock()
				defer mu.Unlock()
				r.First[f.name][s.name], r.All[f.name][s.name] = rateOf(verdicts[:firstRollouts]), rateOf(verdicts)
				for i, v := range verdicts {
					if wrong := v.Back != (f.name != faults[0].name) || v.Stopped; wrong && testing.Verbose() {
						t.Logf("%s, %s, seed %d: %+v", f.name, s.name, i, v)
					}
				}
			})
		}
	}
	pending.Wait()
	return r
}

// TestRates holds the results in the file against the goals, the runbook's table against
// the file, and the first rollouts against what they are now. When the verdicts change:
//
//	go test ./ops -run TestRates -rates 400
func TestRates(t *testing.T) {
	t.Parallel()
	var stored results
	if *rollouts > 0 {
		stored = simulateAll(t, *rollouts)
		data, err := json.MarshalIndent(stored, "", " ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(resultsFile, append(data, '\n'), 0o600))
	}
	data, err := os.ReadFile(resultsFile)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &stored))
	for name, of := range stored.All {
		for service, r := range of {
			if name == faults[0].name {
				assert.LessOrEqual(t, 200*r.Back, r.Rollouts, "%s: more than one of 200 good releases is taken back", service)
			} else if service == services[len(services)-1].name {
				assert.GreaterOrEqual(t, 100*r.Back, 95*r.Rollouts, "%s, %s: less than 95 of 100 are taken back", name, service)
			}
		}
	}
	text, err := os.ReadFile(runbook)
	require.NoError(t, err)
	begin, end := "<!-- rates -->\n", "<!-- /rates -->"
	before, rest, ok := strings.Cut(string(text), begin)
	table, after, ended := strings.Cut(rest, end)
	require.True(t, ok && ended, "%s must have %q and %q", runbook, begin, end)
	if *rollouts > 0 {
		require.NoError(t, os.WriteFile(runbook, []byte(before+begin+stored.All.table()+end+after), 0o600))
		return
	}
	assert.Equal(t, stored.All.table(), table, "the table of %s is not the file's", runbook)
	if runtime.GOARCH != "amd64" {
		t.Skip("other processors round otherwise: the rollouts are not compared one by one")
	}
	assert.Equal(t, stored.First, simulateAll(t, firstRollouts).First, "the verdicts changed: run it with -rates 400")
}

// table is the runbook's.
func (r rates) table() string {
	var b strings.Builder
	b.WriteString("| the release has |")
	for _, s := range services {
		fmt.Fprintf(&b, " %s |", s.name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(services)) + "\n")
	percent := func(n int, r rate) string {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", 100*float64(n)/float64(r.Rollouts)), ".0")
	}
	for _, f := range faults {
		fmt.Fprintf(&b, "| %s |", f.name)
		for _, s := range services {
			cell := r[f.name][s.name]
			fmt.Fprintf(&b, " %s + %s", percent(cell.Back, cell), percent(cell.Stopped, cell))
			if f.name != faults[0].name {
				fmt.Fprintf(&b, ", %d s", cell.Median)
			}
			b.WriteString(" |")
		}
		b.WriteString("\n")
	}
	return b.String()
}
