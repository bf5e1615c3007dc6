package dns_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/dns"
)

const live = "live.example.com"

// weighted is a colour's record.
func weighted(color string, weight int) dns.Record {
	return dns.Record{
		Name: live, SetIdentifier: color, Weight: &weight,
		Alias: &dns.Alias{Name: color + ".elb.amazonaws.com", EvaluateTargetHealth: true},
	}
}

// targets are load balancers of which some are sick.
func targets(sick ...string) func(string) (dns.Target, bool) {
	return func(name string) (dns.Target, bool) {
		for _, color := range sick {
			if name == color+".elb.amazonaws.com" {
				return dns.Target{Address: color}, true
			}
		}
		return dns.Target{Address: name[:len(name)-len(".elb.amazonaws.com")], Healthy: true}, name != "none.elb.amazonaws.com"
	}
}

// shares resolves a name once for each number that can be drawn.
func shares(t *testing.T, records []dns.Record, n int, sick ...string) map[string]int {
	t.Helper()
	counts, drawn, bound := map[string]int{}, 0, 0
	z := dns.NewZone(dns.Options{
		Target: targets(sick...), HealthCheck: func(id string) bool { return id != "failing" },
		Rand: func(n int) int { bound = n; return drawn },
	})
	require.NoError(t, z.Set(records))
	for ; drawn < n; drawn++ {
		answer, err := z.Resolve(live)
		require.NoError(t, err)
		assert.Equal(t, answer.Color, answer.Address)
		counts[answer.Color]++
	}
	assert.Equal(t, n, bound, "the sum of the weights")
	return counts
}

func TestWeights(t *testing.T) {
	t.Parallel()
	blue, green, standby := weighted("blue", 90), weighted("green", 10), weighted("standby", 0)
	passing, failing, spare := blue, blue, standby
	passing.HealthCheckID, failing.HealthCheckID, spare.HealthCheckID = "passing", "failing", "failing"
	for name, tc := range map[string]struct {
		records []dns.Record
		sick    []string
		want    map[string]int
	}{
		"by weight":                 {[]dns.Record{blue, green, standby}, nil, map[string]int{"blue": 90, "green": 10}},
		"one is sick":               {[]dns.Record{blue, green, standby}, []string{"blue"}, map[string]int{"green": 10}},
		"those with weight are":     {[]dns.Record{blue, green, standby}, []string{"blue", "green"}, map[string]int{"standby": 1}},
		"all are":                   {[]dns.Record{blue, green, standby}, []string{"blue", "green", "standby"}, map[string]int{"blue": 90, "green": 10}},
		"its check passes":          {[]dns.Record{passing, green}, nil, map[string]int{"blue": 90, "green": 10}},
		"its check fails":           {[]dns.Record{failing, green}, nil, map[string]int{"green": 10}},
		"its check fails, all's":    {[]dns.Record{failing, standby}, nil, map[string]int{"standby": 1}},
		"all checks fail":           {[]dns.Record{failing, spare}, nil, map[string]int{"blue": 90}},
		"no weight":                 {[]dns.Record{weighted("blue", 0), standby}, nil, map[string]int{"blue": 1, "standby": 1}},
		"no weight and one is sick": {[]dns.Record{weighted("blue", 0), standby}, []string{"blue"}, map[string]int{"standby": 1}},
		"no weight and all are":     {[]dns.Record{weighted("blue", 0), standby}, []string{"blue", "standby"}, map[string]int{"blue": 1, "standby": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			for _, share := range tc.want {
				n += share
			}
			assert.Equal(t, tc.want, shares(t, tc.records, n, tc.sick...))
		})
	}
	careless := weighted("blue", 1)
	careless.Alias.EvaluateTargetHealth = false
	assert.Equal(t, map[string]int{"blue": 1}, shares(t, []dns.Record{careless, standby}, 1, "blue"), "its health is not evaluated")
}

func TestRandomWeights(t *testing.T) {
	t.Parallel()
	z := dns.NewZone(dns.Options{Target: targets()})
	require.NoError(t, z.Set([]dns.Record{weighted("blue", 90), weighted("green", 10)}))
	green := 0
	for range 10_000 {
		if answer, err := z.Resolve(live); assert.NoError(t, err) && answer.Color == "green" {
			green++
		}
	}
	assert.InDelta(t, 1000, green, 240) // 8 sigma.
}

func TestFailover(t *testing.T) {
	t.Parallel()
	apex := func(kind, target string) dns.Record {
		return dns.Record{Name: "example.com", SetIdentifier: kind, Failover: kind, Alias: &dns.Alias{Name: target, EvaluateTargetHealth: true}}
	}
	primary, secondary := apex(dns.Primary, live), apex(dns.Secondary, "recovery.elb.amazonaws.com")
	for name, tc := range map[string]struct {
		records []dns.Record
		sick    []string
		want    string
	}{
		"primary only":           {[]dns.Record{primary}, nil, "blue"},
		"primary only and sick":  {[]dns.Record{primary}, []string{"blue", "green"}, "blue"},
		"primary":                {[]dns.Record{secondary, primary}, nil, "blue"},
		"one colour is enough":   {[]dns.Record{secondary, primary}, []string{"blue"}, "green"},
		"secondary":              {[]dns.Record{primary, secondary}, []string{"blue", "green"}, "recovery"},
		"both sick: the primary": {[]dns.Record{primary, secondary}, []string{"blue", "green", "recovery"}, "blue"},
		"secondary only":         {[]dns.Record{secondary}, nil, "recovery"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			z := dns.NewZone(dns.Options{Scale: 60, Target: targets(tc.sick...), Rand: func(int) int { return 0 }})
			require.NoError(t, z.Set(append(tc.records, weighted("blue", 1), weighted("green", 1))))
			answer, err := z.Resolve("Example.com.")
			require.NoError(t, err)
			assert.Equal(t, tc.want, answer.Address)
			assert.Equal(t, tc.want+".elb.amazonaws.com", answer.Target)
			assert.Equal(t, time.Second, answer.TTL, "of an alias: 60 s, at scale 60")
		})
	}
}

func TestPlainRecords(t *testing.T) {
	t.Parallel()
	drawn := 1
	z := dns.NewZone(dns.Options{Scale: 60, Target: targets(), Rand: func(int) int { return drawn }})
	require.NoError(t, z.Set([]dns.Record{
		{Name: "b.example.com", TTL: 300, Records: []string{"192.0.2.1", "192.0.2.2"}},
		{Name: "a.example.com", Alias: &dns.Alias{Name: "b.example.com"}},
	}))
	answer, err := z.Resolve("a.example.com")
	require.NoError(t, err)
	assert.Equal(t, dns.Answer{Name: "a.example.com", Address: "192.0.2.2", TTL: 5 * time.Second}, answer)
	assert.Equal(t, "a.example.com", z.Records()[0].Name)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	z := dns.NewZone(dns.Options{Target: targets()})
	alias := func(name, to string) dns.Record {
		return dns.Record{Name: name, Alias: &dns.Alias{Name: to, EvaluateTargetHealth: true}}
	}
	require.NoError(t, z.Set([]dns.Record{
		alias("lost.example.com", "none.elb.amazonaws.com"), alias("a.example.com", "b.example.com"), alias("b.example.com", "a.example.com"),
	}))
	for name, want := range map[string]string{
		"other.example.com": "NXDOMAIN", "lost.example.com": "no load balancer has the DNS name", "a.example.com": "more than 8 aliases",
	} {
		_, err := z.Resolve(name)
		require.ErrorContains(t, err, want)
	}
	heavy := 256
	for want, r := range map[string]dns.Record{
		"exactly one of Alias, Records":    {},
		"Weight must be 0 to 255":          {Records: []string{"a"}, Weight: &heavy},
		"Failover must be PRIMARY or SECO": {Records: []string{"a"}, Failover: "x"},
	} {
		require.ErrorContains(t, z.Set([]dns.Record{r}), want)
	}
}
