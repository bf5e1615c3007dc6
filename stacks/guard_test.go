package stacks

// The recorder proves what is refused and protected, not what the engine does with it;
// the sandbox's tests do.

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/protect"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

// kinds are configs of each kind of stack.
var kinds = map[string]string{
	"platform":  `{"region": "eu-central-1", "domain": {"name": "codeflow.example.com", "zoneName": "example.com"}, "recovery": {"region": "eu-west-1"}}`,
	"color":     `{"name": "blue", "platform": "prod", "region": "eu-central-1", "domain": "codeflow.example.com", "access": {"public": true}}`,
	"dr":        `{"region": "eu-west-1", "domain": "codeflow.example.com"}`,
	"bootstrap": `{"region": "eu-central-1", "domain": "codeflow.example.com", "repository": {"name": "o/r"}, "recovery": {"region": "eu-west-1"}}`,
}

// changed reads a config with a key changed.
func changed(t *testing.T, kind, key string, value any, allow ...string) *Config {
	t.Helper()
	var object map[string]any
	require.NoError(t, json.Unmarshal([]byte(kinds[kind]), &object))
	if key != "" {
		parts, at := strings.Split(key, "."), object
		for _, part := range parts[:len(parts)-1] {
			if at[part] == nil {
				at[part] = map[string]any{}
			}
			at = at[part].(map[string]any)
		}
		at[parts[len(parts)-1]] = value
	}
	values := map[string]any{kind: object}
	if allow != nil {
		values["allow"] = allow
	}
	cfg, err := loadConfig(func(key string) (string, bool) {
		name := strings.TrimPrefix(key, "codeflow:")
		if name == "kind" {
			return kind, true
		}
		value, ok := values[name]
		if !ok {
			return "", false
		}
		text, err := json.Marshal(value)
		return string(text), err == nil
	}, filepath.Join(t.TempDir(), "Pulumi.test.yaml"))
	require.NoError(t, err)
	return cfg
}

// changes are, of each guarded key, a harmful value and one that does no harm.
var changes = map[string][2]any{
	"platform.project": {"other", nil}, "platform.environment": {"other", nil}, "platform.region": {"eu-north-1", nil},
	"platform.domain.name": {"other.example.com", nil}, "platform.domain.zone": {"create", nil}, "platform.domain.zoneName": {"codeflow.example.com", nil},
	"platform.network.cidr": {"10.1.0.0/16", nil}, "platform.network.zones": {2, 4}, "platform.network.nat": {"Single", nil},
	"platform.network.masks.public": {23, nil}, "platform.network.masks.private": {21, nil}, "platform.network.masks.database": {25, nil},
	"platform.database.multiAz": {false, nil}, "platform.database.retentionDays": {7, 21}, "platform.recovery.region": {"eu-north-1", nil},
	"platform.images.keep": {5, 20}, "platform.logs.retentionDays": {14, 60}, "platform.logs.audit.retentionDays": {90, 400},
	"color.project": {"other", nil}, "color.name": {"green", nil}, "color.platform": {"other", nil}, "color.region": {"eu-north-1", nil},
	"color.domain": {"other.example.com", nil}, "color.logs.retentionDays": {14, 60}, "color.service.port": {8080, nil},
	"dr.project": {"other", nil}, "dr.environment": {"other", nil}, "dr.region": {"eu-north-1", nil}, "dr.domain": {"other.example.com", nil},
	"dr.network.cidr": {"10.1.0.0/16", nil}, "dr.network.zones": {2, 4}, "dr.network.nat": {"None", "OnePerAz"},
	"dr.network.masks.public": {23, nil}, "dr.network.masks.private": {21, nil}, "dr.network.masks.database": {25, nil},
	"dr.active": {false, nil}, "dr.database.retentionDays": {7, 21},
	"bootstrap.project": {"other", nil}, "bootstrap.region": {"eu-north-1", nil}, "bootstrap.recovery.region": {"eu-north-1", nil},
}

func TestGuards(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../docs/config.md")
	require.NoError(t, err)
	for kind, list := range guards {
		last, err := changed(t, kind, "", nil).guarded()
		require.NoError(t, err)
		for _, g := range list {
			full, last := kind+"."+g.key, maps.Clone(last)
			if full == "dr.active" {
				last[g.key] = "true"
			}
			t.Run(full, func(t *testing.T) {
				t.Parallel()
				refused := func(value any, allow ...string) error {
					cfg := changed(t, kind, g.key, value, allow...)
					now, err := cfg.guarded()
					require.NoError(t, err)
					c := checker{path: namespace + ":" + kind, problems: new([]error)}
					cfg.checkGuards(c, last, now)
					return c.err()
				}
				change, ok := changes[full]
				require.True(t, ok, "the table has no change of it")
				err := refused(change[0])
				require.ErrorContains(t, err, `config "codeflow:`+full+`": is `+last[g.key]+` on the stack that is up: a change `+g.harm)
				require.ErrorContains(t, err, g.way+"; or name it in codeflow:allow for this update: ["+full+"]")
				require.NoError(t, refused(change[0], full))
				if change[1] != nil {
					require.NoError(t, refused(change[1]))
				}
				assert.Contains(t, string(docs), "| `"+full+"` | "+g.harm+" | "+g.way+" |\n", "docs/config.md")
			})
		}
	}
	assert.Len(t, changes, len(slices.Concat(slices.Collect(maps.Values(guards))...)))
	cfg := changed(t, "color", "", nil, "color.service.cpu")
	c := checker{path: "codeflow:color", problems: new([]error)}
	cfg.checkGuards(c, nil, nil)
	require.EqualError(t, c.err(), `config "codeflow:allow.0": must be a guarded key of this kind of stack, got "color.service.cpu": docs/config.md lists them`)
}

// outputsOf answers with the outputs of stacks, by name.
func outputsOf(r *recorder.Recorder, stacks map[string]map[string]any) {
	r.Calls["pulumi:pulumi:readStackOutputs"] = func(args resource.PropertyMap) (resource.PropertyMap, error) {
		_, stack, _ := strings.Cut(strings.TrimPrefix(args["name"].StringValue(), "organization/"), "/")
		return resource.NewPropertyMapFromMap(map[string]any{"outputs": stacks[stack]}), nil
	}
}

func TestProtectionIsKeptWhileItServes(t *testing.T) {
	t.Parallel()
	was := map[string]any{"guarded": map[string]any{"deletionProtection": "true"}}
	for name, tc := range map[string]struct {
		traffic map[string]any
		want    string
	}{
		"traffic":    {map[string]any{"blue": "90"}, `config "codeflow:color.deletionProtection": must be true while "blue" has a record, of weight 90, got false: remove "blue" from codeflow:traffic and run pulumi up -s prod first`},
		"no traffic": {map[string]any{"green": "100"}, ""},
	} {
		t.Run("colour with "+name, func(t *testing.T) {
			t.Parallel()
			r := colorRecorder(t, "", shared(""))
			r.Config["codeflow:color"] = strings.TrimSuffix(r.Config["codeflow:color"], "}") + `, "deletionProtection": false}`
			outputsOf(r, map[string]map[string]any{"test": was, "prod": {"traffic": tc.traffic}})
			err := program(t)(r, true)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
			assert.Empty(t, r.Children())
		})
	}
	t.Run("platform", func(t *testing.T) {
		t.Parallel()
		r := platformRecorder(t, `, "deletionProtection": false`, "", nil)
		outputsOf(r, map[string]map[string]any{"test": was, "green": {"loadBalancerDnsName": "alb"}})
		require.ErrorContains(t, program(t)(r, true), `config "codeflow:platform.deletionProtection": must be true while stack "green" is up, got false: `+
			`destroy the colours first: docs/config.md has the order`)
	})
}

func TestAPlatformThatIsUpStaysDelegated(t *testing.T) {
	t.Parallel()
	r := platformRecorder(t, `, "domain": {"name": "codeflow.example.com", "zone": "create"}`, "", nil)
	outputsOf(r, map[string]map[string]any{"test": {"cdnUrl": "https://cdn"}})
	require.ErrorContains(t, program(t)(r, true), `config "codeflow:platform.domain.delegated": must be true on a platform that is up`)
	assert.Empty(t, r.Children())
}

func TestWhatServesIsProtected(t *testing.T) {
	t.Parallel()
	for protection, want := range map[string]bool{"true": true, "false": false} {
		r := platformRecorder(t, withDomain+`, "deletionProtection": `+protection, "", nil)
		require.NoError(t, program(t)(r, false))
		kept := 0
		for _, child := range r.Resources() {
			found := protect.Find(child.Type)
			assert.Equal(t, want && found != nil && found.Kept, child.RPC != nil && child.RPC.GetProtect(), "%s %s", child.Type, child.Name)
			if found != nil && found.Kept {
				kept++
			}
		}
		assert.GreaterOrEqual(t, kept, 15)
	}
	administered := account(t, nil)
	administered.Config = map[string]string{"codeflow:kind": "bootstrap", "codeflow:bootstrap": kinds["bootstrap"]}
	require.NoError(t, program(t)(administered, false))
	roles := 0
	for _, child := range administered.Resources() {
		if strings.HasPrefix(child.Type, "aws:iam/role:") {
			assert.True(t, child.RPC.GetProtect(), child.Name)
			roles++
		}
	}
	assert.Positive(t, roles)
	r := platformRecorder(t, withDomain+`, "database": {"generation": 2, "unprotected": 1, "restoreFrom": {"snapshot": "s"}}`, "", nil)
	require.NoError(t, program(t)(r, false))
	assert.False(t, r.Get(t, "aws:rds/instance:Instance", "database").RPC.GetProtect(), "it may go")
	assert.True(t, r.Get(t, "aws:rds/instance:Instance", "database-2").RPC.GetProtect())
}
