package stacks

// These tests prove what the config accepts and how it complains, not that AWS
// accepts what is made of it.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

const (
	goodPlatform = `{"region": "eu-central-1", "domain": {"name": "codeflow.example.com"}}`
	goodColor    = `{"name": "blue", "platform": "prod", "region": "eu-central-1", "access": {"public": true}}`
)

const goodDR = `{"region": "eu-west-1", "domain": "codeflow.example.com"}`

// badConfigs change one value of a good config: the path below the kind's
// object, or a whole top-level key when it starts with a colon.
var badConfigs = map[string]struct{ kind, path, value, want string }{
	"no kind":               {"", ":kind", ``, `config "codeflow:kind": must be platform, color, dr or bootstrap: run pulumi config set kind`},
	"unknown kind":          {"", ":kind", `colour`, `config "codeflow:kind": must be platform, color, dr or bootstrap, got "colour"`},
	"platform is a text":    {"platform", ":platform", `prod`, `config "codeflow:platform": must be an object, got "prod"`},
	"platform is a list":    {"platform", ":platform", `[1]`, `config "codeflow:platform": must be an object, got [1]`},
	"unknown key":           {"platform", "regoin", `"eu-west-1"`, `config "codeflow:platform.regoin": unknown key: did you mean "region"?`},
	"unknown nested key":    {"platform", "network.zone", `3`, `config "codeflow:platform.network.zone": unknown key: did you mean "zones"?`},
	"number for a text":     {"platform", "database.version", `16`, `config "codeflow:platform.database.version": must be a text, got 16: put it in quotes`},
	"text for a number":     {"platform", "network.zones", `"3"`, `config "codeflow:platform.network.zones": must be a whole number, got "3"`},
	"fraction for a number": {"platform", "network.zones", `2.5`, `must be a whole number, got 2.5`},
	"text for a bool":       {"platform", "database.multiAz", `"yes"`, `config "codeflow:platform.database.multiAz": must be true or false, got "yes"`},
	"list for an object":    {"platform", "network", `[]`, `config "codeflow:platform.network": must be an object`},
	"null for a text":       {"platform", "region", `null`, `config "codeflow:platform.region": must be a text`},

	"a key far from all":    {"platform", "xyz", `1`, `config "codeflow:platform.xyz": unknown key: known keys: project, environment`},
	"text after the object": {"platform", ":platform", `{} x`, `config "codeflow:platform": must be an object, got "{} x"`},
	"no region":             {"platform", "region", `""`, `config "codeflow:platform.region": must be an AWS region: for example "eu-central-1"`},
	"a zone as region":      {"platform", "region", `"eu-central-1a"`, `must be an AWS region, got "eu-central-1a"`},
	"upper-case project":    {"platform", "project", `"CodeFlow"`, `name part "CodeFlow" must be lower-case`},
	"project too long":      {"platform", "project", `"` + strings.Repeat("a", 63) + `"`, `group of traces name "` + strings.Repeat("a", 63) + `-prod" has 68 characters, AWS allows 32: shorten it by 36`},
	"empty environment":     {"platform", "environment", `""`, `name part "" must be lower-case`},
	"domain without a dot":  {"platform", "domain.name", `"codeflow"`, `config "codeflow:platform.domain.name": must be a domain name`},
	"domain in upper case":  {"platform", "domain.name", `"CodeFlow.example.com"`, `must be a domain name of at most 64 lower-case characters, got "CodeFlow.example.com"`},
	"unknown zone mode":     {"platform", "domain.zone", `"make"`, `config "codeflow:platform.domain.zone": must be one of lookup, create, got "make"`},
	"a stranger's zone":     {"platform", "domain.zoneName", `"example.org"`, `must be the domain or a parent of it, got "example.org"`},
	"half a label as zone":  {"platform", "domain.zoneName", `"ample.com"`, `must be the domain or a parent of it, got "ample.com"`},
	"delegated lookup":      {"platform", "domain.delegated", `true`, `must be false for a zone that is looked up, got true`},
	"certificate elsewhere": {"platform", "domain.certificateArn", `"arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"`, `must be the ARN of a certificate in eu-central-1`},
	"CDN certificate here":  {"platform", "domain.cdnCertificateArn", `"arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"`, `must be the ARN of a certificate in us-east-1`},
	"certificate is no ARN": {"platform", "domain.certificateArn", `"mine"`, `must be the ARN of a certificate in eu-central-1, got "mine"`},

	"CIDR is no CIDR":        {"platform", "network.cidr", `"10.0.0.0"`, `config "codeflow:platform.network"`},
	"CIDR too small":         {"platform", "network.cidr", `"10.0.0.0/24"`, `config "codeflow:platform.network"`},
	"CIDR over AWS's limit":  {"platform", "network.cidr", `"10.0.0.0/8"`, `config "codeflow:platform.network"`},
	"one zone":               {"platform", "network.zones", `1`, `config "codeflow:platform.network"`},
	"tiers that do not fit":  {"platform", "network.masks.private", `17`, `config "codeflow:platform.network"`},
	"mask under the VPC's":   {"platform", "network.masks.public", `12`, `config "codeflow:platform.network"`},
	"unknown endpoint":       {"platform", "network.endpoints", `["s4"]`, `config "codeflow:platform.network.endpoints": Endpoints must be of`},
	"unknown NAT":            {"platform", "network.nat", `"PerZone"`, `config "codeflow:platform.network.nat": must be one of None, Single, OnePerAz, got "PerZone"`},
	"database class":         {"platform", "database.class", `"t4g.medium"`, `config "codeflow:platform.database"`},
	"database too small":     {"platform", "database.storageGb", `5`, `config "codeflow:platform.database"`},
	"storage shrinks":        {"platform", "database.maxStorageGb", `40`, `config "codeflow:platform.database"`},
	"no backups":             {"platform", "database.retentionDays", `0`, `config "codeflow:platform.database"`},
	"old PostgreSQL":         {"platform", "database.version", `"9.6"`, `engine version must be one of the major versions [16 17 18] of PostgreSQL, got "9.6"`},
	"too few images":         {"platform", "images.keep", `1`, `config "codeflow:platform.images.keep": must be 2 to 1000, got 1: a colour needs`},
	"price class":            {"platform", "cdn.priceClass", `"cheap"`, `must be one of PriceClass_100, PriceClass_200, PriceClass_All, got "cheap"`},
	"rate limit":             {"platform", "waf.rateLimit", `5`, `config "codeflow:platform.waf.rateLimit": must be 10 to 2000000000, got 5`},
	"regional rate limit":    {"platform", "waf.regionalRateLimit", `0`, `config "codeflow:platform.waf.regionalRateLimit"`},
	"log retention":          {"platform", "logs.retentionDays", `31`, `config "codeflow:platform.logs": log retention must be one of CloudWatch's`},
	"negative weight":        {"platform", ":traffic", `{"blue": -1, "green": 10}`, `config "codeflow:traffic.blue": must be 0 to 255, got -1`},
	"weight over the limit":  {"platform", ":traffic", `{"blue": 256}`, `config "codeflow:traffic.blue": must be 0 to 255, got 256`},
	"all weights zero":       {"platform", ":traffic", `{"blue": 0, "green": 0}`, `config "codeflow:traffic": must give some colour a weight over 0: remove the key`},
	"weight is a text":       {"platform", ":traffic", `{"blue": "100"}`, `config "codeflow:traffic.blue": must be a whole number, got "100"`},
	"traffic for a stranger": {"platform", ":traffic", `{"gren": 100}`, `config "codeflow:traffic.gren": must be one of platform.colors, got "[blue green]"`},
	"no colours":             {"platform", "colors", `[]`, `config "codeflow:platform.colors": must name a colour: for example ["blue", "green"]`},
	"colours are a text":     {"platform", "colors", `"blue"`, `config "codeflow:platform.colors": must be a list, got "blue"`},
	"a colour is a number":   {"platform", "colors", `[1]`, `config "codeflow:platform.colors.0": must be a text, got 1`},
	"a colour's bad name":    {"platform", "colors", `["Blue"]`, `config "codeflow:platform.colors": name part "Blue" must be lower-case`},
	"traffic is a text":      {"platform", ":traffic", `blue`, `config "codeflow:traffic": must be an object, got "blue"`},
	"two without a domain":   {"platform", "domain", `delete`, `config "codeflow:traffic": must name one colour, since there is no domain`},

	"colour without name":     {"color", "name", `delete`, `config "codeflow:color.name": is required: for example "blue"`},
	"colour without platform": {"color", "platform", `delete`, `config "codeflow:color.platform": is required: name the platform's stack`},
	"colour without region":   {"color", "region", `delete`, `config "codeflow:color.region": must be an AWS region`},
	"load balancer name":      {"color", "project", `"` + strings.Repeat("a", 28) + `"`, `load balancer name "` + strings.Repeat("a", 28) + `-blue" has 33 characters, AWS allows 32: shorten it by 1`},
	"colour's domain":         {"color", "domain", `"no domain"`, `config "codeflow:color.domain": must be a domain name`},
	"agents outside":          {"color", "agents", `"../agents"`, `config "codeflow:color.agents": must be a path inside the project, got "../agents"`},
	"no image base":           {"color", "image.base", `""`, `config "codeflow:color.image.base": is required`},
	"port":                    {"color", "service.port", `70000`, `config "codeflow:color.service.port": must be 1024 to 65535, got 70000`},
	"privileged port":         {"color", "service.port", `80`, `config "codeflow:color.service.port": must be 1024 to 65535, got 80`},
	"the collector's port":    {"color", "service.port", `4318`, `config "codeflow:color.service.port": must not be one that another part of the task listens on, got 4318`},
	"no such region":          {"platform", "region", `"eu-central-9"`, `config "codeflow:platform.region": must be an AWS region, got "eu-central-9"`},
	"region without CDN logs": {"platform", "region", `"eu-south-1"`, `config "codeflow:platform.region": must be a region that an account has without opting in`},
	"Fargate memory":          {"color", "service.memory", `512`, `config "codeflow:color.service": Fargate has no task with cpu 512 and memory 512: with cpu 512 choose memory 1024`},
	"Fargate cpu":             {"color", "service.cpu", `500`, `Fargate has no task with cpu 500: choose one of 256, 512`},
	"cpu as a text":           {"color", "service.cpu", `"512"`, `config "codeflow:color.service.cpu": must be a whole number, got "512"`},
	"spot share":              {"color", "service.spotShare", `120`, `config "codeflow:color.service.spotShare": must be 0 to 100, got 120`},
	"deregistration delay":    {"color", "service.deregistrationDelaySeconds", `4000`, `must be 0 to 3600, got 4000`},
	"timeout":                 {"color", "service.steadyStateTimeout", `"soon"`, `config "codeflow:color.service.steadyStateTimeout": must be a duration from 1m to 2h, got "soon"`},
	"desired count":           {"color", "service.desiredCount", `20`, `config "codeflow:color.scaling": desired count must be between min 3 and max 12, got 20`},
	"scaling bounds":          {"color", "scaling.min", `13`, `scaling needs 1 <= min <= max, got min 13 and max 12`},
	"scaling target":          {"color", "scaling.cpu", `100`, `scaling target cpu must be 10 to 90 percent, got 100`},
	"requests per target":     {"color", "scaling.requestsPerTarget", `0`, `scaling target requestsPerTarget must be at least 1`},
	"override of nobody":      {"platform", "trafficOverride", `{"red": "why"}`, `config "codeflow:platform.trafficOverride": must be of one of platform.colors, got "red"`},
	"override, no reason":     {"platform", "trafficOverride", `{"blue": " "}`, `config "codeflow:platform.trafficOverride.blue": must give the reason`},
	"sign-in for everybody":   {"color", "access", `{"public": true, "oidc": {"issuer": "https://id.example.com", "audience": "x"}}`, `config "codeflow:color.access.oidc": must be absent when everybody may use the service: remove it`},
	"sign-in, no domain":      {"color", "access", `{"oidc": {"issuer": "https://id.example.com", "audience": "x"}}`, `config "codeflow:color.access.oidc": needs a domain`},
	"issuer by http":          {"color", "access", `{"oidc": {"issuer": "http://id.example.com"}}`, `config "codeflow:color.access.oidc.issuer": must be an https URL without a query, got "http://id.example.com": it is what`},
	"issuer with a query":     {"color", "access", `{"oidc": {"issuer": "https://id.example.com?"}}`, `config "codeflow:color.access.oidc.issuer"`},
	"no audience":             {"color", "access", `{"oidc": {"issuer": "https://id.example.com"}}`, `config "codeflow:color.access.oidc.audience": must be what the issuer's tokens for this service have as aud: for example`},
	"scopes are a text":       {"color", "access", `{"oidc": {"scopes": "a b"}}`, `config "codeflow:color.access.oidc.scopes": must be a list, got "a b"`},
	"two scopes in one":       {"color", "access", `{"oidc": {"scopes": ["a", "a b"]}}`, `config "codeflow:color.access.oidc.scopes.1": must be one scope, and no other's twin, got "a b"`},
	"a scope twice":           {"color", "access", `{"oidc": {"scopes": ["a", "a"]}}`, `config "codeflow:color.access.oidc.scopes.1": must be one scope`},
	"client id":               {"color", "access", `{"oidc": {"clientId": "a b"}}`, `config "codeflow:color.access.oidc.clientId": must have no spaces, got "a b"`},
	"unknown key of oidc":     {"color", "access", `{"oidc": {"isuer": "x"}}`, `config "codeflow:color.access.oidc.isuer": unknown key: did you mean "issuer"?`},
	"requireDatabase":         {"color", "service.requireDatabase", `"yes"`, `config "codeflow:color.service.requireDatabase": must be true or false, got "yes"`},
	"recovery at home":        {"platform", "recovery.region", `"eu-central-1"`, `config "codeflow:platform.recovery.region": must be another region than the platform's, got "eu-central-1"`},
	"unknown log level":       {"platform", "settings", `{"log-level": "loud"}`, `config "codeflow:platform.settings.log-level": must be one of debug, info, warn, error`},
	"nobody operates":         {"platform", "operators", `[]`, `config "codeflow:platform.operators": must name a role`},
	"audit kept too short":    {"platform", "logs.audit", `{"lockDays": 30, "retentionDays": 7}`, `config "codeflow:platform.logs.audit.retentionDays": must not be less than lockDays, got 7`},
	"retired itself":          {"platform", "database.retired", `1`, `retired must be from 0 to less than the generation 1, got 1`},
	"restored from nothing":   {"platform", "database.restoreFrom", `{}`, `restoreFrom must have one of snapshot, pointInTime and replicatedBackup, got 0 of them`},
	"active without a backup": {"dr", "active", `true`, `config "codeflow:dr.backup.keyArn": must be the ARN of a key in eu-west-1: it is the platform's output recoveryKeyArn`},
	"colour's logs":           {"color", "logs.retentionDays", `2`, `config "codeflow:color": log retention`},
}

func TestBadConfigs(t *testing.T) {
	t.Parallel()
	t.Logf("%d bad configs", len(badConfigs))
	for name, c := range badConfigs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &recorder.Recorder{Config: map[string]string{
				"codeflow:kind": c.kind, "codeflow:platform": goodPlatform, "codeflow:color": goodColor, "codeflow:dr": goodDR,
				"codeflow:traffic": `{"blue": 100, "green": 0}`,
			}}
			if key, top := strings.CutPrefix(c.path, ":"); top {
				r.Config["codeflow:"+key] = c.value
			} else {
				r.Config["codeflow:"+c.kind] = edited(t, r.Config["codeflow:"+c.kind], c.path, c.value)
			}
			err := r.Run(false, Program(Project{Module: t.TempDir(), Config: t.TempDir()}))
			require.ErrorContains(t, err, c.want)
			assert.Empty(t, r.Children(), "something was registered before the config was known to be good")
		})
	}
}

func TestEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	_, err := load(t, map[string]string{
		"kind":     "platform",
		"platform": `{"regoin": "x", "network": {"zones": "3", "nat": "x"}, "waf": {"rateLimit": 1}}`,
		"traffic":  `{"blue": 0}`,
	})
	require.Error(t, err)
	for _, path := range []string{"platform.regoin", "platform.region", "platform.network.zones", "platform.network.nat", "platform.waf.rateLimit", "traffic"} {
		assert.ErrorContains(t, err, `config "codeflow:`+path+`"`)
	}
}

func TestMisspeltTopLevelKeyIsFoundInTheFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "Pulumi.prod.yaml")
	require.NoError(t, os.WriteFile(file, []byte("config:\n  codeflow:trafic: {blue: 1}\n  aws:region: x\n"), 0o600))
	get := func(key string) (string, bool) {
		value, ok := map[string]string{"codeflow:kind": "platform", "codeflow:platform": goodPlatform}[key]
		return value, ok
	}
	_, err := loadConfig(get, file)
	require.EqualError(t, err, `config "codeflow:trafic": unknown key: did you mean "traffic"? known keys: kind, platform, traffic, apiKeys, escalation, roleBoundary, allow`)

	require.NoError(t, os.WriteFile(file, []byte("config: [\n"), 0o600))
	_, err = loadConfig(get, file)
	require.ErrorContains(t, err, "reading stack config")
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, map[string]string{"kind": "platform", "platform": goodPlatform})
	require.NoError(t, err)
	assert.Equal(t, 3, cfg.Platform.Network.Zones)
	assert.Equal(t, "codeflow.example.com", cfg.Platform.Domain.ZoneName)
	assert.True(t, cfg.Platform.DeletionProtection)
	assert.Nil(t, cfg.Traffic)

	cfg, err = load(t, map[string]string{"kind": "color", "color": goodColor})
	require.NoError(t, err)
	assert.Equal(t, Service{
		Port: 3000, CPU: 512, Memory: 1024, DesiredCount: 3, DeregistrationDelaySeconds: 30, SteadyStateTimeout: "15m",
	}, cfg.Color.Service)
}

// The files of the repository are good as they are.
func TestCommittedStacks(t *testing.T) {
	t.Parallel()
	for stack, kind := range map[string]string{"prod": "platform", "blue": "color", "green": "color", "dr": "dr"} {
		values := stackFile(t, "../Pulumi."+stack+".yaml")
		cfg, err := loadConfig(func(key string) (string, bool) { v, ok := values[key]; return v, ok }, "../Pulumi."+stack+".yaml")
		require.NoError(t, err, stack)
		assert.Equal(t, kind, cfg.Kind)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(goodPlatform, `{"blue": 100}`)
	f.Add(`{"domain": null, "network": {"cidr": "::/0"}}`, `{"": 1e3}`)
	f.Fuzz(func(t *testing.T, platform, traffic string) {
		cfg, err := load(t, map[string]string{"kind": "platform", "platform": platform, "traffic": traffic})
		if err == nil {
			assert.Contains(t, regions, cfg.Platform.Region)
		}
	})
}

func load(t *testing.T, values map[string]string) (*Config, error) {
	t.Helper()
	return loadConfig(func(key string) (string, bool) {
		value, ok := values[strings.TrimPrefix(key, "codeflow:")]
		return value, ok
	}, filepath.Join(t.TempDir(), "Pulumi.test.yaml"))
}

// edited sets a dotted path of a JSON object to a JSON value; "delete" removes it.
func edited(t *testing.T, object, path, value string) string {
	t.Helper()
	root := map[string]any{}
	require.NoError(t, json.Unmarshal([]byte(object), &root))
	parent, keys := root, strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		child, ok := parent[key].(map[string]any)
		if !ok {
			child = map[string]any{}
			parent[key] = child
		}
		parent = child
	}
	last := keys[len(keys)-1]
	if value == "delete" {
		delete(parent, last)
	} else {
		parent[last] = json.RawMessage(value)
	}
	text, err := json.Marshal(root)
	require.NoError(t, err)
	return string(text)
}

// stackFile is the config of a Pulumi.<stack>.yaml as the program gets it.
func stackFile(t *testing.T, path string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var file struct{ Config map[string]any }
	require.NoError(t, yaml.Unmarshal(data, &file))
	values := map[string]string{}
	for key, value := range file.Config {
		text, ok := value.(string)
		if !ok {
			encoded, err := json.Marshal(value)
			require.NoError(t, err)
			text = string(encoded)
		}
		values[key] = text
	}
	return values
}
