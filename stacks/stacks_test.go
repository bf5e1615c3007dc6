package stacks

// The recorder proves what the stacks register, not what the engine makes of it:
// the sandbox's tests run the same program on the real engine.

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
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/tracing"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

const digest = "sha256:1"

// account answers as an account in which the other stacks have these outputs.
func account(t *testing.T, outputs map[string]any) *recorder.Recorder {
	t.Helper()
	kept := registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0)))
	images := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, digest, _ := strings.Cut(tracing.Image, "@"); r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, digest) {
			// As if it had been copied: no test asks a public registry.
			for key, value := range map[string]string{"Docker-Content-Digest": digest, "Content-Type": "application/vnd.oci.image.index.v1+json", "Content-Length": "1"} {
				w.Header().Set(key, value)
			}
			return
		}
		kept.ServeHTTP(w, r)
	}))
	t.Cleanup(images.Close)
	answer := func(m map[string]any) func(resource.PropertyMap) (resource.PropertyMap, error) {
		return func(resource.PropertyMap) (resource.PropertyMap, error) {
			return resource.NewPropertyMapFromMap(m), nil
		}
	}
	return &recorder.Recorder{
		Calls: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
			"aws:index/getCallerIdentity:getCallerIdentity":     answer(map[string]any{"accountId": recorder.Account}),
			"pulumi:pulumi:readStackOutputs":                    answer(nil),
			"aws:index/getRegion:getRegion":                     answer(map[string]any{"name": "eu-central-1"}),
			"aws:route53/getZone:getZone":                       answer(map[string]any{"zoneId": "Z1", "nameServers": []any{"ns-1"}}),
			"aws:ec2/getManagedPrefixList:getManagedPrefixList": answer(map[string]any{"id": "pl-1"}),
			"aws:ssm/getParametersByPath:getParametersByPath":   answer(map[string]any{"names": []any{}, "values": []any{}}),
			"aws:ecs/getService:getService": answer(map[string]any{
				"taskDefinition": "arn:aws:ecs:eu-central-1:" + recorder.Account + ":blue-service",
			}),
			"aws:ecs/getContainerDefinition:getContainerDefinition": answer(map[string]any{"image": "repository@" + digest}),
			"aws:ecr/getAuthorizationToken:getAuthorizationToken": func(resource.PropertyMap) (resource.PropertyMap, error) {
				token := base64.StdEncoding.EncodeToString([]byte("AWS:password"))
				return resource.PropertyMap{
					"proxyEndpoint":      resource.NewProperty(images.URL),
					"authorizationToken": resource.MakeSecret(resource.NewProperty(token)),
				}, nil
			},
		},
		Outputs: map[string]resource.PropertyMap{
			"pulumi:pulumi:StackReference": resource.NewPropertyMapFromMap(map[string]any{"outputs": outputs}),
			"awsx:ec2:Vpc":                 {"natGateways": resource.NewProperty([]resource.PropertyValue{})},
			"aws:rds/instance:Instance": resource.NewPropertyMapFromMap(map[string]any{
				"endpoint":          "db:5432",
				"masterUserSecrets": []any{map[string]any{"secretArn": "arn:secret"}},
			}),
			"aws:acm/certificate:Certificate": resource.NewPropertyMapFromMap(map[string]any{
				"domainValidationOptions": []any{map[string]any{
					"resourceRecordName": "_x", "resourceRecordType": "CNAME", "resourceRecordValue": "_y",
				}},
			}),
		},
	}
}

// settled are the outputs of a colour that runs what it asked for, without
// [ReleaseOutputs], which traffic must not need.
func settled() map[string]any {
	return map[string]any{
		"loadBalancerDnsName": "alb", "loadBalancerZoneId": "ZALB", "healthCheckId": "check-1", "bundleDigest": "sha256:2",
		"digest": digest, "settledDigest": digest, "taskDefinition": "task:1", "settledTaskDefinition": "task:1",
	}
}

// shared are the outputs of a platform.
func shared(domain string) map[string]any {
	values := map[string]any{"publicSubnetIds": []any{"subnet-1"}, "privateSubnetIds": []any{"subnet-2"}, "topics": []any{"topic-1", "topic-2", "topic-3"}}
	for _, key := range []string{
		"vpcId", "clientSecurityGroupId", "repositoryArn", "logBucket", "webAclArn", "zoneId",
		"certificateArn", "databaseUserArn", "databaseSecretArn", "databaseKeyArn", "databaseUrlArn",
		"storeKeyArn", "settingsArn", "apiKeysArn", "tokensSecretArn", "logKeyArn",
	} {
		values[key] = key
	}
	values["databaseSecretArn"] = "arn:aws:secretsmanager:eu-central-1:" + recorder.Account + ":secret:rds!db-1"
	values["region"], values["domain"], values["repositoryUrl"] = "eu-central-1", domain, "registry/codeflow/codeflow-server"
	return values
}

func platformRecorder(t *testing.T, domain, traffic string, color map[string]any) *recorder.Recorder {
	t.Helper()
	r := account(t, color)
	r.Config = map[string]string{"codeflow:kind": "platform", "codeflow:platform": `{"region": "eu-central-1"` + domain + `}`}
	if traffic != "" {
		r.Config["codeflow:traffic"] = traffic
	}
	return r
}

func colorRecorder(t *testing.T, domain string, platform map[string]any) *recorder.Recorder {
	t.Helper()
	r := account(t, platform)
	r.Config = map[string]string{
		"codeflow:kind":  "color",
		"codeflow:color": `{"name": "blue", "platform": "prod", "region": "eu-central-1", "domain": "` + domain + `", "access": {"public": true}}`,
	}
	return r
}

const withDomain = `, "domain": {"name": "codeflow.example.com"}`

func program(t *testing.T) func(r *recorder.Recorder, preview bool) error {
	t.Helper()
	run := Program(Project{Module: "..", Config: t.TempDir()})
	return func(r *recorder.Recorder, preview bool) error { return r.Run(preview, run) }
}

func TestPlatform(t *testing.T) {
	t.Parallel()
	r := platformRecorder(t, withDomain, `{"blue": 90, "green": 10}`, settled())
	r.Both(t, Program(Project{Module: "..", Config: t.TempDir()}))
	assert.Equal(t, []string{
		"/aws:kms/key:Key logs-key",
		"/aws:kms/key:Key logs-key-us-east-1",
		"/aws:xray/group:Group traces",
		"/codeflow:accesslogs:Bucket access-logs",
		"/codeflow:audit:Trail audit",
		"/codeflow:backup:Plan backup",
		"/codeflow:cdn:CDN cdn",
		"/codeflow:dns:Domain domain",
		"/codeflow:dns:Traffic traffic",
		"/codeflow:observability:Platform alarms",
		"/codeflow:rds:Database database",
		"/codeflow:registry:Registry images",
		"/codeflow:secrets:Store secrets",
		"/codeflow:vpc:VPC network",
		"/codeflow:waf:WebACL waf",
		"/codeflow:waf:WebACL waf-cdn",
		"/pulumi:providers:aws aws",
		"/pulumi:providers:aws aws-us-east-1",
		"/pulumi:pulumi:StackReference organization/codeflow/blue",
		"/pulumi:pulumi:StackReference organization/codeflow/green",
	}, slices.DeleteFunc(r.Children(), func(child string) bool { return !strings.HasPrefix(child, "/") }))
	assert.Equal(t, "us-east-1", r.Get(t, "pulumi:providers:aws", "aws-us-east-1").In("region"))
	blue := r.Get(t, "aws:route53/record:Record", "traffic-blue")
	assert.InDelta(t, 90, blue.In("weightedRoutingPolicies[0].weight"), 0)
	assert.Equal(t, "alb", blue.In("aliases[0].name"))
	assert.Equal(t, []any{"cdn.codeflow.example.com"}, r.Get(t, "aws:cloudfront/distribution:Distribution", "cdn").In("aliases"))
}

func TestMajorVersionStaysWithItsGeneration(t *testing.T) {
	t.Parallel()
	for version, generation := range map[string]int{"16": 1, "17": 1, "18": 2} {
		r := platformRecorder(t, withDomain+fmt.Sprintf(`, "database": {"version": %q, "generation": %d, "restoreFrom": {"snapshot": "upgraded"}}`,
			version, generation), "", settled())
		r.Calls["pulumi:pulumi:readStackOutputs"] = func(resource.PropertyMap) (resource.PropertyMap, error) {
			return resource.NewPropertyMapFromMap(map[string]any{
				"outputs": map[string]any{"databaseGeneration": 1, "databaseVersion": "16"},
			}), nil
		}
		err := r.Run(true, Program(Project{Module: "..", Config: t.TempDir()}))
		if version != "17" {
			require.NoError(t, err, version)
			continue
		}
		require.ErrorContains(t, err, `config "codeflow:platform.database.version": must stay "16", with which generation 1 began, got "17"`)
		for _, command := range []string{
			"aws rds create-db-snapshot --db-instance-identifier codeflow-prod --db-snapshot-identifier codeflow-prod-17\n",
			"pulumi config set -s test --path codeflow:platform.database.generation 2\n",
			"pulumi config set -s test --path codeflow:platform.database.restoreFrom.snapshot codeflow-prod-17",
		} {
			require.ErrorContains(t, err, command)
		}
		assert.Zero(t, r.Count()["aws:rds/instance:Instance"])
	}
}

// Every generation that is not retired is watched, once it is there.
func TestDatabaseAlarms(t *testing.T) {
	t.Parallel()
	r := platformRecorder(t, withDomain+`, "database": {"generation": 3, "retired": 1, "restoreFrom": {"snapshot": "a"}}`, "", settled())
	require.NoError(t, r.Run(false, Program(Project{Module: "..", Config: t.TempDir()})))
	var watched []string
	for _, res := range r.Resources() {
		if of := res.In("dimensions.DBInstanceIdentifier"); of != nil && strings.HasSuffix(res.Name, "-cpu") {
			watched = append(watched, fmt.Sprint(res.Name, " ", of))
			assert.Contains(t, fmt.Sprint(res.RPC.GetDependencies()), "aws:rds/instance:Instance::database", "after its instance")
		}
	}
	assert.ElementsMatch(t, []string{"alarms-database-2-cpu codeflow-prod-2", "alarms-database-3-cpu codeflow-prod-3"}, watched)
	subscription := r.Get(t, "aws:rds/eventSubscription:EventSubscription", "database-events")
	assert.Contains(t, subscription.In("snsTopic"), "alarms-info", "no pager")
}

// The images that prod replicates to the second region must go there, too.
func TestReplicatedImagesExpire(t *testing.T) {
	t.Parallel()
	r := account(t, nil)
	r.Config = map[string]string{
		"codeflow:kind": "dr", "codeflow:dr": `{"region": "eu-west-1", "domain": "codeflow.example.com", "access": {"public": true}}`,
	}
	require.NoError(t, r.Run(true, Program(Project{Module: "..", Config: t.TempDir()})))
	policy := r.Get(t, "aws:ecr/lifecyclePolicy:LifecyclePolicy", "images-lifecycle").In("policy")
	for _, prefix := range []string{"dr-", "blue-", "green-"} {
		assert.Contains(t, policy, `"tagPrefixList":["`+prefix+`"]`)
	}
}

func TestSwitchChangesRecordsOnly(t *testing.T) {
	t.Parallel()
	run := program(t)
	inputs := func(traffic string) map[string]any {
		r := platformRecorder(t, withDomain, traffic, settled())
		require.NoError(t, run(r, false))
		all := map[string]any{}
		for _, child := range r.Resources() {
			all[child.Type+" "+child.Name] = child.Inputs.Mappable()
		}
		return all
	}
	before, after := inputs(`{"blue": 100}`), inputs(`{"blue": 0, "green": 100}`)
	require.NotEqual(t, before["aws:route53/record:Record traffic-blue"], after["aws:route53/record:Record traffic-blue"])
	for _, all := range []map[string]any{before, after} {
		maps.DeleteFunc(all, func(name string, _ any) bool {
			return strings.HasPrefix(name, "aws:route53/record:Record traffic-") || strings.HasPrefix(name, "pulumi:pulumi:StackReference")
		})
	}
	assert.Equal(t, before, after)
}

func TestInterlock(t *testing.T) {
	t.Parallel()
	unsettled, missing := settled(), settled()
	unsettled["settledDigest"] = "sha256:0"
	delete(missing, "settledDigest")
	for name, c := range map[string]struct {
		outputs map[string]any
		want    string
	}{
		"settled":   {settled(), ""},
		"unsettled": {unsettled, `traffic for "blue" is refused: its last deployment asked for sha256:1 (task:1), but ECS settled on sha256:0`},
		"not up":    {missing, `stack "blue" has no output "settledDigest": bring it up with pulumi up -s blue`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := platformRecorder(t, withDomain, `{"blue": 100}`, c.outputs)
			err := program(t)(r, false)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
			assert.Zero(t, r.Count()["aws:route53/record:Record"]-3, "the validation and the CDN's records only")
		})
	}
	t.Run("a preview does not know what is not up", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, program(t)(platformRecorder(t, withDomain, `{"blue": 100}`, missing), true))
	})
}

func TestSwitchedBack(t *testing.T) {
	t.Parallel()
	note := func(color, digest string) string {
		return `{"color": "` + color + `", "digest": "` + digest + `", "reason": "5xx above 1 %", "time": "2026-11-24T10:00:00Z"}`
	}
	const refused = `traffic for "blue" is refused: its release ` + digest + ` was switched back at 2026-11-24T10:00:00Z: 5xx above 1 %: ` +
		`deploy another release, clear the note with ops unblock, or say why in codeflow:platform.trafficOverride.blue`
	for name, tc := range map[string]struct{ note, override, want string }{
		"this release":    {note("blue", digest), "", refused},
		"another release": {note("blue", "sha256:0"), "", ""},
		"another colour":  {note("green", digest), "", ""},
		"no note":         {"?", "", `reading parameter "/codeflow/prod/traffic/switched-back", which only ops writes`},
		"overridden":      {note("blue", digest), `, "trafficOverride": {"blue": "green is worse"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := platformRecorder(t, withDomain+tc.override, `{"blue": 100}`, settled())
			r.Calls["aws:ssm/getParametersByPath:getParametersByPath"] = func(args resource.PropertyMap) (resource.PropertyMap, error) {
				assert.Equal(t, "/codeflow/prod/traffic", args["path"].StringValue())
				return resource.NewPropertyMapFromMap(map[string]any{
					"names": []any{"/codeflow/prod/traffic/switched-back"}, "values": []any{tc.note},
				}), nil
			}
			err := program(t)(r, false)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestPlatformWithoutADomain(t *testing.T) {
	t.Parallel()
	r := platformRecorder(t, "", `{"blue": 100}`, settled())
	r.Both(t, Program(Project{Module: "..", Config: t.TempDir()}))
	assert.Zero(t, r.Count()["aws:route53/record:Record"]+r.Count()["aws:acm/certificate:Certificate"])
	assert.Contains(t, r.Get(t, "aws:cloudfront/distribution:Distribution", "cdn").Inputs.Mappable()["origins"].([]any)[1].(map[string]any)["domainName"], "alb")
}

func TestCreatedZoneStopsBeforeCertificates(t *testing.T) {
	t.Parallel()
	r := platformRecorder(t, `, "domain": {"name": "codeflow.example.com", "zone": "create"}`, "", nil)
	r.Both(t, Program(Project{Module: "..", Config: t.TempDir()}))
	assert.Equal(t, 1, r.Count()["aws:route53/zone:Zone"])
	assert.Zero(t, r.Count()["aws:acm/certificate:Certificate"]+r.Count()["aws:cloudfront/distribution:Distribution"])
}

func TestColor(t *testing.T) {
	t.Parallel()
	r := colorRecorder(t, "codeflow.example.com", shared("codeflow.example.com"))
	r.Both(t, Program(Project{Module: "..", Config: t.TempDir()}))
	assert.Equal(t, []string{
		"/aws:route53/healthCheck:HealthCheck health", "/aws:route53/record:Record record",
		"/aws:wafv2/webAclAssociation:WebAclAssociation blue-waf",
		"/codeflow:ecsservice:Service blue-service",
		"/codeflow:loadbalancer:LoadBalancer blue",
		"/codeflow:observability:Color blue-alarms",
		"/pulumi:providers:aws aws",
		"/pulumi:pulumi:StackReference organization/codeflow/prod",
	}, slices.DeleteFunc(r.Children(), func(child string) bool { return !strings.HasPrefix(child, "/") }))
	assert.Equal(t, "blue.codeflow.example.com", r.Get(t, "aws:route53/record:Record", "record").In("name"))

	task := r.Get(t, "aws:ecs/taskDefinition:TaskDefinition", "blue-service").Inputs["containerDefinitions"]
	assert.False(t, task.IsSecret(), "the registry's token must not make the task definition secret")
	assert.Regexp(t, `"image":"registry/codeflow/codeflow-server@sha256:[0-9a-f]{64}"`, task.StringValue())
	assert.NotContains(t, task.StringValue(), "password")
}

// TestColorConfiguresTheServer starts the server with the environment that the
// task definition gives it, as far as checking it.
func TestColorConfiguresTheServer(t *testing.T) {
	t.Parallel()
	read := map[string]string{ // what ECS reads from SSM and Secrets Manager
		"DATABASE_URL": "postgresql://codeflow_server@db:5432/codeflow?sslmode=verify-full", "LOG_LEVEL": "info",
		"CODEFLOW_DATABASE_LOGIN": `{"username": "codeflow", "password": "hunter2"}`,
	}
	for name, tc := range map[string]struct{ domain, access string }{
		"public":           {"codeflow.example.com", `{"public": true}`},
		"tokens":           {"codeflow.example.com", `{"public": false}`},
		"no domain at all": {"", `{"public": true}`},
		"sign-in":          {"codeflow.example.com", `{"oidc": {"issuer": "https://id.example.com", "audience": "https://codeflow.example.com/mcp", "scopes": ["read", "use"], "clientId": "page"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outputs := shared(tc.domain)
			outputs["tokensSecretArn"] = "arn:aws:secretsmanager:eu-central-1:" + recorder.Account + ":secret:tokens"
			r := colorRecorder(t, tc.domain, outputs)
			r.Config["codeflow:color"] = strings.Replace(r.Config["codeflow:color"], `{"public": true}`, tc.access, 1)
			require.NoError(t, program(t)(r, false))
			var containers []struct {
				Name                 string
				Environment, Secrets []struct{ Name, Value string }
			}
			task := r.Get(t, "aws:ecs/taskDefinition:TaskDefinition", "blue-service").Inputs["containerDefinitions"].StringValue()
			require.NoError(t, json.Unmarshal([]byte(task), &containers))
			for _, container := range containers {
				if container.Name == "collector" { // another program
					continue
				}
				cmd := exec.CommandContext(t.Context(), "go", "run", "../cmd/codeflow-server", "-check-config", "-bundle", bundleDir(t))
				cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // compiled as for the image
				if container.Name == "migrate" {
					cmd.Env = append(cmd.Env, "CODEFLOW_PUBLIC=true") // what the command migrate does not ask
				}
				for _, variable := range container.Environment {
					cmd.Env = append(cmd.Env, variable.Name+"="+variable.Value)
				}
				for _, secret := range container.Secrets {
					require.Contains(t, read, secret.Name)
					assert.False(t, container.Name == "server" && secret.Name == "CODEFLOW_DATABASE_LOGIN", "the server must not have the login")
					cmd.Env = append(cmd.Env, secret.Name+"="+read[secret.Name])
				}
				out, err := cmd.CombinedOutput()
				require.NoError(t, err, container.Name+": "+string(out))
				assert.Contains(t, string(out), "the settings are good")
			}
		})
	}
}

// public is another registry with a collector for two platforms.
func public(t *testing.T) (source string, requests *atomic.Int32) {
	t.Helper()
	requests = &atomic.Int32{}
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		images.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	index, err := random.Index(100, 1, 2)
	require.NoError(t, err)
	repository, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://") + "/aws-observability/aws-otel-collector")
	require.NoError(t, err)
	require.NoError(t, remote.WriteIndex(repository.Tag("v1"), index))
	digest, err := index.Digest()
	require.NoError(t, err)
	requests.Store(0)
	return repository.Digest(digest.String()).String(), requests
}

func TestTracing(t *testing.T) {
	t.Parallel()
	const own = recorder.Account + ".dkr.ecr.eu-central-1.amazonaws.com/aws-otel-collector"
	_, digest, _ := strings.Cut(tracing.Image, "@")
	source, requests := public(t)
	_, copied, _ := strings.Cut(source, "@")
	collector := func(image string) string { return `, "tracing": {"collector": "` + image + `"}` }
	for _, tc := range []struct {
		name, config string
		image        string // "" for none
		asked        bool   // the other registry
	}{
		{"copied", collector(source), "registry/codeflow/codeflow-server@" + copied, true},
		{"copied once", collector(source), "registry/codeflow/codeflow-server", false},
		{"in the account", collector(own + "@" + digest), own, false},
		{"switched off", `, "tracing": {"samplePercent": 0}`, "", false},
	} {
		r := colorRecorder(t, "", shared(""))
		r.Config["codeflow:color"] = strings.TrimSuffix(r.Config["codeflow:color"], "}") + tc.config + "}"
		require.NoError(t, program(t)(r, true), tc.name)
		assert.Zero(t, requests.Load(), "a preview asks nobody")
		if tc.name == "copied once" {
			token, err := r.Calls["aws:ecr/getAuthorizationToken:getAuthorizationToken"](nil)
			require.NoError(t, err)
			repository, err := name.NewRepository(strings.TrimPrefix(token["proxyEndpoint"].StringValue(), "http://") + "/codeflow/codeflow-server")
			require.NoError(t, err)
			require.NoError(t, mirror(t.Context(), source, repository, authn.Anonymous))
			requests.Store(0)
		}
		require.NoError(t, program(t)(r, false), tc.name)
		assert.Equal(t, tc.asked, requests.Swap(0) > 0, "%s: the other registry is asked", tc.name)
		task := r.Get(t, "aws:ecs/taskDefinition:TaskDefinition", "blue-service").In("containerDefinitions")
		policies := r.Get(t, "aws:iam/rolePolicy:RolePolicy", "codeflow-blue-task").In("policy")
		if tc.image == "" {
			assert.NotContains(t, task, "OTEL_")
			assert.NotContains(t, task, `"collector"`)
			assert.NotContains(t, policies, "xray:")
			continue
		}
		assert.Contains(t, task, `"image":"`+tc.image, tc.name)
		assert.Contains(t, task, `{"name":"OTEL_TRACES_SAMPLER_ARG","value":"0.05"}`)
		assert.Contains(t, policies, "xray:PutTraceSegments")
		if tc.image == own {
			assert.Contains(t, r.Get(t, "aws:iam/rolePolicy:RolePolicy", "codeflow-blue-execution").In("policy"), "repository/aws-otel-collector")
		}
	}
	r := colorRecorder(t, "", shared(""))
	r.Config["codeflow:color"] = strings.TrimSuffix(r.Config["codeflow:color"], "}") + collector("localhost:1/x@sha256:"+strings.Repeat("a", 64)) + "}"
	require.ErrorContains(t, program(t)(r, false), `copying image "localhost:1/x@`)
}

// bundleDir is the directory of a bundle without agents.
func bundleDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, bundletest.FS(t, nil, nil)))
	return dir
}

func TestColorPushesOnUpdateOnly(t *testing.T) {
	t.Parallel()
	r := colorRecorder(t, "", shared(""))
	pushed := func() []string {
		token, err := r.Calls["aws:ecr/getAuthorizationToken:getAuthorizationToken"](nil)
		require.NoError(t, err)
		host := strings.TrimPrefix(token["proxyEndpoint"].StringValue(), "http://")
		repository, err := name.NewRepository(host+"/codeflow/codeflow-server", name.Insecure)
		require.NoError(t, err)
		tags, _ := remote.List(repository)
		return tags
	}
	require.NoError(t, program(t)(r, true))
	assert.Empty(t, pushed(), "a preview has no side effects")
	require.NoError(t, program(t)(r, false))
	tags := pushed()
	require.Len(t, tags, 2)
	assert.Equal(t, "blue-"+tags[1], tags[0], "by which the registry keeps the colour's images")
}

func TestColorMustMatchItsPlatform(t *testing.T) {
	t.Parallel()
	elsewhere := shared("")
	elsewhere["region"] = "eu-west-1"
	for want, outputs := range map[string]map[string]any{
		`config "codeflow:color.region": must be the platform's, "eu-west-1", got "eu-central-1"`: elsewhere,
		`config "codeflow:color.domain": must be the platform's, "codeflow.example.com", got ""`:  shared("codeflow.example.com"),
		`stack "prod" has no output`: {},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, program(t)(colorRecorder(t, "", outputs), false), want)
		})
	}
}

func TestColorWithBadAgents(t *testing.T) {
	t.Parallel()
	r := colorRecorder(t, "", shared(""))
	err := r.Run(true, Program(Project{Module: t.TempDir(), Config: t.TempDir()}))
	require.ErrorContains(t, err, "reading bundle config")
	assert.Empty(t, r.Children())
}

func TestLogin(t *testing.T) {
	t.Parallel()
	r := colorRecorder(t, "", shared(""))
	r.Calls["aws:ecr/getAuthorizationToken:getAuthorizationToken"] = func(resource.PropertyMap) (resource.PropertyMap, error) {
		return resource.NewPropertyMapFromMap(map[string]any{"proxyEndpoint": "https://registry", "authorizationToken": "?"}), nil
	}
	err := program(t)(r, false)
	require.ErrorContains(t, err, "it is not base64 of user:password")
	assert.NotContains(t, err.Error(), "?", "a token is not shown")
}

// TestRolesNeedTheBoundary stops a stack without the boundary before anything is made,
// when it is one of the bootstrap stack's roles that works on it.
func TestRolesNeedTheBoundary(t *testing.T) {
	t.Parallel()
	const boundary = "arn:aws:iam::" + recorder.Account + ":policy/codeflow-runtime-boundary"
	for caller, refused := range map[string]bool{
		"assumed-role/codeflow-deploy-prod/GitHubActions": true, "assumed-role/codeflow-preview/GitHubActions": true,
		"assumed-role/codeflow-drift/GitHubActions": true, "assumed-role/codeflow-operator-prod/me": true,
		"assumed-role/AWSReservedSSO_Administrator_0a1b/me": false, "assumed-role/codeflow-blue-task-1a2b3c4/x": false,
		"user/admin": false,
	} {
		r := platformRecorder(t, "", "", nil)
		r.Calls["aws:index/getCallerIdentity:getCallerIdentity"] = func(resource.PropertyMap) (resource.PropertyMap, error) {
			return resource.NewPropertyMapFromMap(map[string]any{
				"accountId": recorder.Account, "arn": "arn:aws:sts::" + recorder.Account + ":" + caller,
			}), nil
		}
		program := Program(Project{Module: "..", Config: t.TempDir()})
		err := r.Run(true, program)
		if !refused {
			require.NoError(t, err, caller)
			continue
		}
		require.ErrorContains(t, err, `config "codeflow:roleBoundary": is required, since arn:aws:sts::`+recorder.Account+":"+caller+" makes no role without it: "+
			"run pulumi config set codeflow:roleBoundary "+boundary+" -s test")
		assert.Equal(t, map[string]int{"pulumi:providers:aws": 1}, r.Count(), "nothing is made")
		r.Config["codeflow:roleBoundary"] = boundary
		require.NoError(t, r.Run(true, program), caller)
	}
}
