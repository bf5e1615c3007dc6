package ops_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/opstest"
)

// model runs a scenario and watches what must never happen.
type model struct {
	s       scenario
	start   time.Time
	fake    *opstest.Fake
	journal *opstest.Journal
	out     bytes.Buffer
	random  *rand.Rand

	mu        sync.Mutex
	broken    []string
	points    int         // until the next crash
	running   bool        // the controller works
	failures  int         // updates that failed
	handed    atomic.Bool // somebody set weights by hand
	hands     []hand
	exposed   time.Time // since when green is dead and has weight
	blueDead  time.Time // since when blue is dead and green is not
	resolvers []resolver
	outcomes  []string
}

// hand is weights that must stay.
type hand struct {
	weights ops.Weights
	file    bool
	at      time.Time
}

// resolver keeps the answer that it got until its time to live is over.
type resolver struct {
	color   string
	expires time.Time
}

const ttl, tick = time.Minute, 2 * time.Second

func (s scenario) run(ctx context.Context) *model {
	m := &model{s: s, start: time.Now(), fake: opstest.New(), random: rand.New(rand.NewPCG(s.Seed, 1)), resolvers: make([]resolver, 40)}
	m.fake.Edit(func(st *opstest.State) {
		st.File, st.Known, st.Records = s.Before, s.Before, s.Before
		st.Load = 60
	})
	m.fake.Hook = m.hook
	m.journal = &opstest.Journal{Hook: func(string) { m.point() }}
	ctx, stop := context.WithCancel(ctx)
	var others sync.WaitGroup
	for _, e := range s.Events {
		others.Go(func() { m.happen(ctx, e) })
	}
	others.Go(func() { m.watch(ctx) })
	m.drive(ctx)
	stop()
	others.Wait()
	return m
}

// drive starts the controller, and goes on with what it leaves: as the scenario
// says, and in the end, when the world is well again, with an abort, which ends
// every rollout.
func (m *model) drive(ctx context.Context) {
	opts := ops.SwitchOptions{To: "green", Steps: m.s.Steps, Bake: m.s.Bake, Guard: m.s.Guard}
	m.attempt(0, func(c *ops.Controller) error { return c.Switch(ctx, opts) })
	for i, f := range m.s.Finish {
		time.Sleep(f.After)
		m.goOn(ctx, i+1, f.Abort)
	}
	time.Sleep(time.Until(m.start.Add(26 * time.Minute))) // all events are over
	m.goOn(ctx, -1, true)
	m.expect(!ops.Fold(m.entries()).Unfinished(), "the rollout never ends")
	s := m.snapshot()
	for _, h := range m.hands {
		if slices.ContainsFunc(m.entries(), func(e ops.Entry) bool { return e.Event == ops.Weighing && e.Time.Equal(h.at) }) {
			continue // in the same moment
		}
		got := s.Records
		if h.file {
			got = s.File
		}
		m.expect(maps.Equal(got, h.weights), "weights set by hand to %s were overwritten with %s", h.weights, got)
	}
}

func (m *model) goOn(ctx context.Context, i int, abort bool) {
	if !ops.Fold(m.entries()).Unfinished() {
		return
	}
	m.attempt(i, func(c *ops.Controller) error {
		if abort {
			return c.Abort(ctx)
		}
		return c.Resume(ctx)
	})
}

// attempt is one run of the controller, which may crash.
func (m *model) attempt(i int, use func(c *ops.Controller) error) {
	m.mu.Lock()
	m.points = -1
	if i >= 0 && i < len(m.s.Crashes) {
		m.points = m.s.Crashes[i]
	}
	m.running, m.exposed = true, time.Time{}
	m.mu.Unlock()
	begun := time.Now()
	c := &ops.Controller{Cloud: m.fake, Stacks: m.fake, Journal: m.journal, Out: &m.out}
	err, crashed := survive(func() error { return use(c) })
	m.mu.Lock()
	m.running = false
	m.mu.Unlock()
	m.expect(time.Since(begun) <= m.s.longest(), "a run took %s, more than %s", time.Since(begun), m.s.longest())
	m.outcomes = append(m.outcomes, m.outcome(err, crashed))
}

func (m *model) snapshot() (s opstest.State) {
	m.fake.Edit(func(st *opstest.State) {
		s = *st
		s.Colors = map[string]*opstest.Color{}
		for name, color := range st.Colors {
			copied := *color
			s.Colors[name] = &copied
		}
	})
	return s
}

func (m *model) entries() []ops.Entry {
	entries, _ := m.journal.Entries()
	return entries
}

// point counts down to a crash.
func (m *model) point() {
	m.mu.Lock()
	m.points--
	die := m.points == 0
	m.mu.Unlock()
	s := m.snapshot()
	m.expect(s.Records.Total() > 0, "the weights sum to zero")
	if die {
		panic(crash{})
	}
}

func (m *model) hook(ctx context.Context, point string) error {
	m.point()
	if point == "change record of green" || point == "set records" {
		m.watchRemoval(point == "set records")
	}
	if strings.Contains(point, "file") {
		return nil // on this machine
	}
	took := m.s.Call
	if strings.HasPrefix(point, "change") || point == "set records" {
		took = m.s.Change
	}
	select {
	case <-time.After(took):
	case <-ctx.Done():
		return ctx.Err()
	}
	if m.offline() {
		<-ctx.Done()
		return errors.Join(errors.New("no network"), ctx.Err())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if point == "preview" && m.failures < m.s.Failures {
		m.failures++
		return errors.New("the engine failed")
	}
	return nil
}

func (m *model) offline() bool {
	return slices.ContainsFunc(m.s.Events, func(e event) bool {
		d := time.Since(m.start)
		return e.offline() && d >= e.At && d <= e.At+e.Lasts
	})
}

// happen lets an event begin and end.
func (m *model) happen(ctx context.Context, e event) {
	time.Sleep(e.At)
	if ctx.Err() != nil {
		return
	}
	m.fake.Edit(func(s *opstest.State) { m.begin(s, e) })
	time.Sleep(e.Lasts)
	if ctx.Err() != nil {
		return
	}
	m.fake.Edit(func(s *opstest.State) {
		if e.What != "load" && !strings.HasPrefix(e.What, "hand") {
			s.Colors[e.Color] = opstest.Healthy(e.Color, 3)
		}
	})
}

func (m *model) begin(s *opstest.State, e event) {
	c := s.Colors[e.Color]
	switch e.What {
	case "dead":
		c.Targets = ops.Targets{Unhealthy: 3}
	case "sick":
		c.Targets = ops.Targets{Healthy: 2, Unhealthy: 1}
	case "errors":
		c.Errors = 0.05
	case "slow":
		c.P95 = 5 * time.Second
	case "alarm":
		c.Alarms = []string{"codeflow-" + e.Color + "-5xx"}
	case "load":
		s.Load *= 3
	case "deploy":
		c.Digests = []string{opstest.Digest("another")}
	case "hand records":
		s.Records = ops.Weights{"blue": 33, "green": 77}
		m.byHand(s.Records, false)
	case "hand file":
		s.File = ops.Weights{"blue": 44, "green": 66}
		m.byHand(s.File, true)
	}
}

// byHand notes what somebody set. Route 53 has no compare and swap: a record that is
// set while an update of it is under way may be overwritten.
func (m *model) byHand(weights ops.Weights, file bool) {
	rollout := ops.Fold(m.entries())
	m.mu.Lock()
	defer m.mu.Unlock()
	m.handed.Store(true)
	if file || !m.running || rollout == nil || rollout.Pending == nil {
		m.hands = append(m.hands, hand{weights, file, time.Now()})
	}
}

// watch looks at every tick.
func (m *model) watch(ctx context.Context) {
	for ctx.Err() == nil {
		s := m.snapshot()
		m.expect(s.Records.Total() > 0, "the weights sum to zero")
		m.watchAnswers(s)
		m.mu.Lock()
		if s.Colors["blue"].Targets.Healthy > 0 || s.Colors["green"].Targets.Healthy == 0 {
			m.blueDead = time.Time{}
		} else if m.blueDead.IsZero() {
			m.blueDead = time.Now()
		}
		m.mu.Unlock()
		m.watchReaction(s)
		time.Sleep(tick)
	}
}

// watchAnswers lets resolvers ask when their answer is too old. No answer may be a
// colour without healthy targets while another one has some; a colour that was
// switched back has no part any more.
func (m *model) watchAnswers(s opstest.State) {
	answers := s.Answers()
	m.mu.Lock()
	for i := range m.resolvers {
		if r := &m.resolvers[i]; !time.Now().Before(r.expires) {
			r.color, r.expires = pick(answers, m.random.Float64()), time.Now().Add(ttl)
		}
	}
	m.mu.Unlock()
	for color := range answers {
		other := map[string]string{"blue": "green", "green": "blue"}[color]
		_, inTraffic := s.Records[other]
		if s.Colors[color].Targets.Healthy == 0 && s.Colors[other].Targets.Healthy > 0 && inTraffic {
			m.expect(false, "%s answers without healthy targets while %s has some, with %s", color, other, s.Records)
		}
	}
}

// watchRemoval is told before the record of green changes: it must not go while only
// green has healthy targets. Blue may die after the last look.
func (m *model) watchRemoval(atOnce bool) {
	s := m.snapshot()
	_, stays := s.File["green"]
	if atOnce {
		_, stays = ops.Fold(m.entries()).Pending.After["green"]
	}
	m.mu.Lock()
	dead := m.blueDead
	m.mu.Unlock()
	if s.Colors["blue"].Targets.Healthy > 0 {
		dead = time.Time{} // it has come back since the last tick of watch
	}
	m.expect(stays || m.handed.Load() || dead.IsZero() || time.Since(dead) <= m.s.bound(m.failures)-5*10*time.Second,
		"green is taken away while blue has no healthy targets")
}

func pick(answers map[string]float64, at float64) string {
	for _, color := range slices.Sorted(maps.Keys(answers)) {
		if at -= answers[color]; at <= 0 {
			return color
		}
	}
	return ""
}

func (m *model) resolving(color string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.resolvers {
		if r.color == color && time.Now().Before(r.expires) {
			n++
		}
	}
	return n
}

// watchReaction does not count on Route 53 to leave out what is dead: the weight
// itself must be gone in time.
func (m *model) watchReaction(s opstest.State) {
	dead := s.Colors["green"].Targets.Healthy == 0 && s.Colors["blue"].Targets.Healthy > 0
	offline := m.offline()
	m.mu.Lock()
	if !dead || s.Records["green"] == 0 || !m.running || offline || m.handed.Load() {
		m.exposed = time.Time{}
		m.mu.Unlock()
		return
	}
	if m.exposed.IsZero() {
		m.exposed = time.Now()
	}
	exposed, limit := time.Since(m.exposed), m.s.bound(m.failures)
	m.mu.Unlock()
	m.expect(exposed <= limit, "green is dead and has weight for %s, more than %s, with %s", exposed, limit, s.Records)
}
