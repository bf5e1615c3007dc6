package cloud

// This test compares what the program registers before and after a change of a config
// key, by the provider's own rules of what replaces what. What a replacement then changes
// of others it does not see: the engine's plan does, in sandbox/cmd/sandbox.

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/tracing"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud/schema"
	"github.com/ferg-cod3s/codeflow-infrastructure/stacks"
)

// certificate is the ARN of one.
func certificate(region string) string {
	return "arn:aws:acm:" + region + ":123456789012:certificate/11111111-1111-1111-1111-111111111111"
}

// configs are the stacks that a key is changed of.
var configs = map[string]in{
	"platform":  {"region": "eu-central-1", "domain": in{"name": "codeflow.example.com"}, "recovery": in{"region": "eu-west-1"}},
	"color":     {"name": "blue", "platform": "prod", "region": "eu-central-1", "domain": "codeflow.example.com", "access": in{"public": true}},
	"bootstrap": {"region": "eu-central-1", "domain": "codeflow.example.com", "repository": in{"name": "o/r"}},
}

// changes are the new values of keys. Those of text are not changed here: it says what a
// change does.
var changes = map[string]any{
	"platform.colors": []string{"blue", "green", "red"}, "platform.domain.certificateArn": certificate("eu-central-1"),
	"platform.network.endpoints": []string{}, "platform.domain.cdnCertificateArn": certificate("us-east-1"), "platform.database.class": "db.t4g.large",
	"platform.database.storageGb": 60, "platform.database.maxStorageGb": 300,
	"platform.database.finalSnapshot": false, "platform.cdn.priceClass": "PriceClass_All", "platform.cdn.minCacheHitPercent": 50,
	"platform.waf.rateLimit": 3000, "platform.waf.regionalRateLimit": 30000, "platform.logs.audit.lockDays": 40,
	"platform.settings": in{"log-level": "warn"}, "platform.operators": []string{"codeflow-*"}, "platform.trafficOverride": in{"blue": "why"},
	"color.service.cpu": 256, "color.service.memory": 2048, "color.service.desiredCount": 4, "color.service.spotShare": 50,
	"color.service.deregistrationDelaySeconds": 60, "color.service.steadyStateTimeout": "20m", "color.service.requireDatabase": true,
	"color.access.public": false, "color.scaling.min": 2, "color.scaling.max": 20, "color.scaling.cpu": 60, "color.scaling.memory": 60,
	"color.scaling.requestsPerTarget": 500, "color.tracing.samplePercent": 10,
	"color.tracing.collector": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/collector@sha256:" + strings.Repeat("a", 64),
	"bootstrap.domain":        "other.example.com", "bootstrap.repository.name": "o/other", "bootstrap.branch": "trunk",
	"bootstrap.environments": in{"prod": in{"platforms": []string{"prod"}}, "idle": in{"colors": []string{"blue", "green"}, "reads": []string{"prod"}}},
	"bootstrap.ssoRoles":     []string{"arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Operator_*"},
}

const (
	byRunbook = "as [database.md](database.md) says"
	newTasks  = "new tasks"
)

// told are the effects that other tests show.
var told = map[string]string{
	"platform.domain.delegated": "true: the next step; false: refused on a platform that is up", "platform.deletionProtection": "false: refused while a colour is up",
	"platform.database.generation": byRunbook, "platform.database.version": "another major version: refused without a new generation", "platform.database.restoreFrom": byRunbook, "platform.database.unprotected": byRunbook,
	"platform.database.retired": byRunbook, "color.agents": newTasks, "color.image.base": newTasks, "color.access.oidc": newTasks,
	"color.deletionProtection": "false: refused while the colour has a record", "bootstrap.deletionProtection": "in place",
	"bootstrap.repository.ownerId": "in place: both subjects are let in", "bootstrap.repository.id": "in place: both subjects are let in",
}

func TestEveryKeyHasAnEffect(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../docs/config.md")
	require.NoError(t, err)
	var rows []string
	for kind, config := range map[string]any{"platform": stacks.Platform{}, "color": stacks.Color{}, "bootstrap": stacks.Bootstrap{}} {
		before := registered(t, kind, configs[kind])
		for _, key := range leaves(reflect.TypeOf(config)) {
			key = kind + "." + key
			if strings.Contains(string(docs), "| `"+key+"` | ") && changes[key] == nil && told[key] == "" {
				continue // refused, which is tested with the program.
			}
			effect := told[key]
			if effect == "" {
				require.Contains(t, changes, key, "say what a change of this key does")
				effect = compare(t, before, registered(t, kind, with(configs[kind], strings.Split(key, ".")[1:], changes[key])))
			}
			rows = append(rows, "| `"+key+"` | "+effect+" |\n")
		}
	}
	slices.Sort(rows)
	if table := strings.Join(rows, ""); !strings.Contains(string(docs), table) {
		t.Errorf("docs/config.md has another table than\n%s", table)
	}
}

// leaves are the paths of a config's keys.
func leaves(typ reflect.Type) (paths []string) {
	for i := range typ.NumField() {
		key, inner := typ.Field(i).Tag.Get("json"), typ.Field(i).Type
		if inner.Kind() == reflect.Pointer && inner.Elem().Name() == "Domain" {
			inner = inner.Elem()
		}
		if inner.Kind() != reflect.Struct {
			paths = append(paths, key)
			continue
		}
		for _, path := range leaves(inner) {
			paths = append(paths, key+"."+path)
		}
	}
	return paths
}

// with is a copy of a config with another value at a path.
func with(config in, path []string, value any) in {
	changed := maps.Clone(config)
	if len(path) == 1 {
		changed[path[0]] = value
		return changed
	}
	inner, _ := config[path[0]].(in)
	if inner == nil {
		inner = in{}
	}
	changed[path[0]] = with(inner, path[1:], value)
	return changed
}

// registered are the inputs of what the program registers, by type and name.
func registered(t *testing.T, kind string, config in) map[string]props {
	t.Helper()
	text, err := json.Marshal(config)
	require.NoError(t, err)
	r := simulated(t)
	r.Config = map[string]string{"codeflow:kind": kind, "codeflow:" + kind: string(text)}
	if kind == "platform" {
		r.Config["codeflow:traffic"] = `{"blue": 100}`
	}
	require.NoError(t, r.Run(false, stacks.Program(stacks.Project{Module: "../..", Config: t.TempDir()})), string(text))
	all := map[string]props{}
	for _, child := range r.Resources() {
		if strings.HasPrefix(child.Type, "aws:") {
			inputs := plainOf(resource.NewProperty(child.Inputs)).(map[string]any)
			for _, ignored := range child.RPC.GetIgnoreChanges() {
				delete(inputs, ignored)
			}
			all[child.Type+" "+child.Name] = inputs
		}
	}
	return all
}

// plainOf is a value without what marks secrets.
func plainOf(v resource.PropertyValue) any {
	switch {
	case v.IsSecret():
		return plainOf(v.SecretValue().Element)
	case v.IsOutput():
		return plainOf(v.OutputValue().Element)
	case v.IsObject():
		object := map[string]any{}
		for key, value := range v.ObjectValue() {
			object[string(key)] = plainOf(value)
		}
		return object
	case v.IsArray():
		list := []any{}
		for _, value := range v.ArrayValue() {
			list = append(list, plainOf(value))
		}
		return list
	}
	return v.Mappable()
}

// compare says what an update would do.
func compare(t *testing.T, before, after map[string]props) string {
	t.Helper()
	found := map[string]map[string]bool{}
	note := func(what, name string) {
		token, _, _ := strings.Cut(name, " ")
		if found[what] == nil {
			found[what] = map[string]bool{}
		}
		found[what][token[strings.LastIndex(token, ":")+1:]] = true
	}
	for name, olds := range before {
		news, ok := after[name]
		if !ok {
			note("gone", name)
			continue
		}
		token, _, _ := strings.Cut(name, " ")
		_, typ, err := lookup(token)
		require.NoError(t, err)
		for _, change := range typ.Diff(alike(typ, olds), alike(typ, news)) {
			note(kindOfChange(token, change, olds, news), name)
		}
	}
	for name := range after {
		if before[name] == nil {
			note("new", name)
		}
	}
	var effects []string
	if found["replaced"]["TaskDefinition"] {
		effects = append(effects, newTasks)
		delete(found["replaced"], "TaskDefinition")
	}
	for _, what := range []string{"in place", "new", "replaced", "gone"} {
		if len(found[what]) > 0 {
			effects = append(effects, what+": "+strings.Join(slices.Sorted(maps.Keys(found[what])), ", "))
		}
	}
	if effects == nil {
		return "nothing"
	}
	return strings.Join(effects, "; ")
}

func kindOfChange(token string, change schema.Change, olds, news props) string {
	name := strings.FieldsFunc(change.Path, func(r rune) bool { return r == '.' || r == '[' })[0]
	if change.Replaces && !change.Depends || change.Depends && replacesIn(shortType(token), name, olds, news) {
		return "replaced"
	}
	return "in place"
}

// simulated answers the program as an account in which every stack is up.
func simulated(t *testing.T) *recorder.Recorder {
	t.Helper()
	kept := registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0)))
	images := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, collector, _ := strings.Cut(tracing.Image, "@"); r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, collector) {
			w.Header().Set("Docker-Content-Digest", collector)
			w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
			w.Header().Set("Content-Length", "1")
			return // it is there: nothing is copied.
		}
		kept.ServeHTTP(w, r)
	}))
	t.Cleanup(images.Close)
	answer := func(m map[string]any) func(resource.PropertyMap) (resource.PropertyMap, error) {
		return func(resource.PropertyMap) (resource.PropertyMap, error) {
			return resource.NewPropertyMapFromMap(m), nil
		}
	}
	outputs := map[string]any{
		"publicSubnetIds": []any{"subnet-1"}, "privateSubnetIds": []any{"subnet-2"}, "topics": []any{"topic-1", "topic-2", "topic-3"},
		"region": "eu-central-1", "domain": "codeflow.example.com", "repositoryUrl": "registry/codeflow/codeflow-server",
		"databaseSecretArn": "arn:aws:secretsmanager:eu-central-1:" + recorder.Account + ":secret:rds!db-1",
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[stacks.PlatformOutputs](), reflect.TypeFor[stacks.ColorOutputs]()} {
		for i := range typ.NumField() {
			if key := typ.Field(i).Tag.Get("output"); outputs[key] == nil {
				outputs[key] = strings.TrimPrefix(strings.ToLower(key), "settled")
			}
		}
	}
	return &recorder.Recorder{
		Calls: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
			"aws:index/getCallerIdentity:getCallerIdentity":         answer(map[string]any{"accountId": recorder.Account}),
			"pulumi:pulumi:readStackOutputs":                        answer(nil),
			"aws:index/getRegion:getRegion":                         answer(map[string]any{"name": "eu-central-1"}),
			"aws:route53/getZone:getZone":                           answer(map[string]any{"zoneId": "Z1", "nameServers": []any{"ns-1"}}),
			"aws:ssm/getParametersByPath:getParametersByPath":       answer(map[string]any{"names": []any{}, "values": []any{}}),
			"aws:ecs/getService:getService":                         answer(map[string]any{"taskDefinition": fmt.Sprintf("arn:aws:ecs:eu-central-1:%s:blue-service", recorder.Account)}),
			"aws:ecs/getContainerDefinition:getContainerDefinition": answer(map[string]any{"image": "repository@sha256:1"}),
			"aws:ecr/getAuthorizationToken:getAuthorizationToken": answer(map[string]any{
				"proxyEndpoint": images.URL, "authorizationToken": base64.StdEncoding.EncodeToString([]byte("AWS:password")),
			}),
		},
		Outputs: map[string]resource.PropertyMap{
			"pulumi:pulumi:StackReference": resource.NewPropertyMapFromMap(map[string]any{"outputs": outputs}),
			"awsx:ec2:Vpc":                 {"natGateways": resource.NewProperty([]resource.PropertyValue{})},
			"aws:rds/instance:Instance": resource.NewPropertyMapFromMap(map[string]any{
				"endpoint": "db:5432", "masterUserSecrets": []any{map[string]any{"secretArn": "arn:secret"}},
			}),
			"aws:acm/certificate:Certificate": resource.NewPropertyMapFromMap(map[string]any{"domainValidationOptions": []any{map[string]any{
				"resourceRecordName": "_x", "resourceRecordType": "CNAME", "resourceRecordValue": "_y",
			}}}),
		},
	}
}
