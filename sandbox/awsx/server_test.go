package awsx

// These tests replay recordings against a fake engine. They do not prove that the real engine accepts the calls, and
// they compare calls as sets: the order of independent calls is not part of the contract.

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	urnPrefix   = "urn:pulumi:dev::proj::"
	stackURN    = urnPrefix + "pulumi:pulumi:Stack::proj-dev"
	recordCount = 13
)

// recording is one file of testdata.
type recording struct {
	PluginInfo struct{ Version string }
	Configure  struct{ AcceptSecrets, AcceptResources, AcceptOutputs, SupportsPreview bool }
	Request    struct {
		Type, Name string
		Args       map[string]any
		DryRun     bool
	}
	Events   []event
	Response *struct {
		URN               string
		State             map[string]any
		StateDependencies map[string][]string
	}
	Error *struct {
		Code    int
		Details string
	}
}

// event is one call to the engine, with shortened URNs.
type event struct {
	RPC, Type, Name, URN, Parent, Token, Version, Provider string

	Custom               bool
	Inputs, Args         map[string]any
	Dependencies         []string
	PropertyDependencies map[string][]string
	Providers            map[string]string
}

func (e event) key() string {
	return strings.Join([]string{e.RPC, e.Token, e.Type, e.Name, e.URN}, " ")
}

// sorted returns the events in an order that does not depend on when they happened.
func sorted(events []event) []event {
	for i := range events {
		slices.Sort(events[i].Dependencies)
		for _, deps := range events[i].PropertyDependencies {
			slices.Sort(deps)
		}
	}
	slices.SortFunc(events, func(a, b event) int { return cmp.Compare(a.key(), b.key()) })
	return events
}

var urnTypes = regexp.MustCompile(`^urn:pulumi:dev::proj::(?:[^$]*\$)*`)

func short(urn string) string { return urnTypes.ReplaceAllString(urn, "") }

func shortAll(urns []string) (shorts []string) {
	for _, urn := range urns {
		shorts = append(shorts, short(urn))
	}
	return shorts
}

// plain turns wire values into the form that the recordings have.
func plain(value any) any {
	switch value := value.(type) {
	case string:
		return short(value)
	case []any:
		for i := range value {
			value[i] = plain(value[i])
		}
	case map[string]any:
		if value[string(resource.SigKey)] == resource.ResourceReferenceSig {
			// The Go SDK adds the name and the type, which the URN holds already, and writes an unknown id as "",
			// which the engine reads like the unknown of the real plugin.
			return map[string]any{"id": cmp.Or(value["id"].(string), plugin.UnknownStringValue), "urn": plain(value["urn"])}
		}
		for key := range value {
			value[key] = plain(value[key])
		}
	}
	return value
}

func plainMap(s *structpb.Struct) map[string]any {
	if len(s.GetFields()) == 0 {
		return nil
	}
	return plain(s.AsMap()).(map[string]any)
}

// fakeEngine answers the provider as the engine of the recordings did.
type fakeEngine struct {
	pulumirpc.UnimplementedResourceMonitorServer
	pulumirpc.UnimplementedEngineServer

	dryRun bool
	zones  []any

	mu     sync.Mutex
	events []event
	done   map[string]bool // The URNs whose registration has been answered.
}

func (f *fakeEngine) record(e event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, e)
}

func (f *fakeEngine) SupportsFeature(
	context.Context, *pulumirpc.SupportsFeatureRequest,
) (*pulumirpc.SupportsFeatureResponse, error) {
	return &pulumirpc.SupportsFeatureResponse{HasSupport: true}, nil
}

func (f *fakeEngine) Log(context.Context, *pulumirpc.LogRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (f *fakeEngine) Invoke(_ context.Context, req *pulumirpc.ResourceInvokeRequest) (*pulumirpc.ResourceInvokeResponse, error) {
	f.record(event{
		RPC: "Invoke", Token: req.GetTok(), Args: plainMap(req.GetArgs()),
		Provider: short(req.GetProvider()), Version: req.GetVersion(),
	})
	result, err := structpb.NewStruct(map[string]any{"id": "us-east-1", "names": f.zones})
	return &pulumirpc.ResourceInvokeResponse{Return: result}, err
}

func (f *fakeEngine) RegisterResourceOutputs(
	_ context.Context, req *pulumirpc.RegisterResourceOutputsRequest,
) (*emptypb.Empty, error) {
	f.record(event{RPC: "RegisterResourceOutputs", URN: short(req.GetUrn())})
	return &emptypb.Empty{}, nil
}

func (f *fakeEngine) RegisterResource(
	_ context.Context, req *pulumirpc.RegisterResourceRequest,
) (*pulumirpc.RegisterResourceResponse, error) {
	e := event{
		RPC: "RegisterResource", Type: req.GetType(), Name: req.GetName(), Custom: req.GetCustom(),
		Parent: short(req.GetParent()), Version: req.GetVersion(), Provider: short(req.GetProvider()),
		Inputs: plainMap(req.GetObject()), Dependencies: shortAll(req.GetDependencies()),
	}
	for pkg, ref := range req.GetProviders() {
		if e.Providers == nil {
			e.Providers = map[string]string{}
		}
		e.Providers[pkg] = short(ref)
	}
	for key, deps := range req.GetPropertyDependencies() {
		if len(deps.GetUrns()) > 0 {
			if e.PropertyDependencies == nil {
				e.PropertyDependencies = map[string][]string{}
			}
			e.PropertyDependencies[key] = shortAll(deps.GetUrns())
		}
	}
	f.record(e)

	f.mu.Lock()
	defer f.mu.Unlock()
	for _, urn := range append(req.GetDependencies(), req.GetParent()) {
		if urn != stackURN && !f.done[urn] {
			return nil, fmt.Errorf("%s registered before %s", e.key(), urn)
		}
	}
	parentTypes := ""
	if req.GetParent() != stackURN {
		parentTypes = strings.Split(strings.TrimPrefix(req.GetParent(), urnPrefix), "::")[0] + "$"
	}
	resp := &pulumirpc.RegisterResourceResponse{
		Urn:    urnPrefix + parentTypes + req.GetType() + "::" + req.GetName(),
		Object: req.GetObject(),
	}
	f.done[resp.Urn] = true
	if req.GetCustom() && !f.dryRun {
		resp.Id = req.GetName() + "-id"
		if strings.HasSuffix(req.GetType(), ":Eip") {
			resp.Object.Fields["allocationId"] = structpb.NewStringValue(req.GetName() + "-allocid")
		}
	}
	return resp, nil
}

// start serves the fake engine and returns its address.
func (f *fakeEngine) start(t *testing.T) string {
	t.Helper()
	stop := make(chan bool)
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{Cancel: stop, Init: func(s *grpc.Server) error {
		pulumirpc.RegisterResourceMonitorServer(s, f)
		pulumirpc.RegisterEngineServer(s, f)
		return nil
	}})
	require.NoError(t, err)
	t.Cleanup(func() { close(stop) })
	return fmt.Sprintf("127.0.0.1:%d", handle.Port)
}

// serve starts the provider and returns a client that is attached to the engine at an address.
func serve(t *testing.T, engine string) pulumirpc.ResourceProviderClient {
	t.Helper()
	port, err := Serve(t.Context())
	require.NoError(t, err)
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", port),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	client := pulumirpc.NewResourceProviderClient(conn)
	_, err = client.Attach(t.Context(), &pulumirpc.PluginAttach{Address: engine})
	require.NoError(t, err)
	return client
}

func TestRecordings(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/vpc-*.json")
	require.NoError(t, err)
	require.Len(t, files, recordCount)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			replay(t, file)
		})
	}
}

// replay runs the request of a recording and compares everything that follows from it.
func replay(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var want recording
	require.NoError(t, json.Unmarshal(data, &want))

	engine := &fakeEngine{
		dryRun: want.Request.DryRun, done: map[string]bool{},
		zones: []any{"us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d"},
	}
	address := engine.start(t)
	client := serve(t, address)

	info, err := client.GetPluginInfo(t.Context(), &emptypb.Empty{})
	require.NoError(t, err)
	assert.Equal(t, want.PluginInfo.Version, info.GetVersion())
	conf, err := client.Configure(t.Context(), &pulumirpc.ConfigureRequest{})
	require.NoError(t, err)
	assert.Equal(t, want.Configure.AcceptSecrets, conf.GetAcceptSecrets())
	assert.Equal(t, want.Configure.AcceptResources, conf.GetAcceptResources())
	assert.Equal(t, want.Configure.AcceptOutputs, conf.GetAcceptOutputs())
	assert.Equal(t, want.Configure.SupportsPreview, conf.GetSupportsPreview())

	// The real plugin's SDK looks a provider up before it uses it; the Go SDK has no need to.
	want.Events = slices.DeleteFunc(want.Events, func(e event) bool { return e.Token == "pulumi:pulumi:getResource" })

	inputs, err := structpb.NewStruct(want.Request.Args)
	require.NoError(t, err)
	req := &pulumirpc.ConstructRequest{
		Project: "proj", Stack: "dev", Parallel: 16, DryRun: want.Request.DryRun, MonitorEndpoint: address,
		Type: want.Request.Type, Name: want.Request.Name, Parent: stackURN, Inputs: inputs, Providers: map[string]string{},
	}
	for _, e := range want.Events {
		for pkg, ref := range e.Providers {
			req.Providers[pkg] = urnPrefix + ref
		}
	}
	resp, err := client.Construct(t.Context(), req)

	assert.Equal(t, sorted(want.Events), sorted(engine.events))
	if want.Error != nil {
		require.Error(t, err)
		assert.Equal(t, want.Error.Code, int(status.Code(err)))
		assert.Equal(t, want.Error.Details, status.Convert(err).Message())
		return
	}
	require.NoError(t, err)
	assert.Equal(t, want.Response.URN, short(resp.GetUrn()))
	assert.Equal(t, want.Response.State, plainMap(resp.GetState()))
	dependencies := map[string][]string{}
	for output, deps := range resp.GetStateDependencies() {
		dependencies[output] = shortAll(deps.GetUrns())
		slices.Sort(dependencies[output])
		slices.Sort(want.Response.StateDependencies[output])
	}
	assert.Equal(t, want.Response.StateDependencies, dependencies)
}

func TestUnknownComponent(t *testing.T) {
	t.Parallel()
	client := serve(t, "127.0.0.1:1")
	_, err := client.Construct(t.Context(), &pulumirpc.ConstructRequest{Type: "awsx:ecs:FargateService", Name: "web"})
	require.ErrorContains(t, err, `the sandbox's awsx does not know "awsx:ecs:FargateService", only "awsx:ec2:Vpc"`)
}

// construct runs a request that no recording has and returns the engine that saw it.
func construct(t *testing.T, args map[string]any) (*fakeEngine, error) {
	t.Helper()
	engine := &fakeEngine{done: map[string]bool{}, zones: []any{"us-east-1a", "us-east-1b", "us-east-1c"}}
	address := engine.start(t)
	inputs, err := structpb.NewStruct(args)
	require.NoError(t, err)
	_, err = serve(t, address).Construct(t.Context(), &pulumirpc.ConstructRequest{
		Project: "proj", Stack: "dev", MonitorEndpoint: address, Type: vpcToken, Name: "vpc", Parent: stackURN, Inputs: inputs,
	})
	return engine, err
}

func TestRefusedArgs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args map[string]any
		want string
	}{
		"zones twice": {
			map[string]any{"availabilityZoneNames": []any{"a"}, "numberOfAvailabilityZones": 1},
			"Only one of [availabilityZoneNames] and [numberOfAvailabilityZones] can be specified",
		},
		"too few zones": {map[string]any{"numberOfAvailabilityZones": -1}, "does not have at least -1 Availability Zones"},
		"output of all tags": {
			map[string]any{"tags": map[string]any{
				string(resource.SigKey): resource.OutputValueSig, "dependencies": []any{urnPrefix + "aws:ec2/eip:Eip::x"},
			}},
			"needs tags whose keys are known",
		},
		"IPAM": {map[string]any{"ipv4IpamPoolId": "pool"}, "does not know IPAM"},
		"EIPs without NAT": {
			map[string]any{"natGateways": map[string]any{"strategy": "None", "elasticIpAllocationIds": []any{"e"}}},
			"Elastic IP allocation IDs cannot be specified when NAT Gateway strategy is 'None'.",
		},
		"EIPs for one NAT": {
			map[string]any{"natGateways": map[string]any{"strategy": "Single", "elasticIpAllocationIds": []any{"e", "f"}}},
			"Exactly one Elastic IP may be specified when NAT Gateway strategy is 'Single'.",
		},
		"unknown strategy": {
			map[string]any{"natGateways": map[string]any{"strategy": "Two"}}, "Unknown NatGatewayStrategy 'Two'",
		},
		"nameless endpoint": {
			map[string]any{"vpcEndpointSpecs": []any{map[string]any{"vpcEndpointType": "Gateway"}}},
			"registering aws:ec2/vpcEndpoint:VpcEndpoint",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := construct(t, test.args)
			require.ErrorContains(t, err, test.want)
		})
	}
}

// TestTags covers what the recordings do not: tags of a spec reach the subnet but not its route table, and a secret
// tag stays secret.
func TestTags(t *testing.T) {
	t.Parallel()
	secret := map[string]any{string(resource.SigKey): resource.SecretSig, "value": "s"}
	engine, err := construct(t, map[string]any{
		"subnetStrategy": "Auto", "natGateways": map[string]any{"strategy": "None"}, "numberOfAvailabilityZones": 1,
		"tags":        map[string]any{"env": secret},
		"subnetSpecs": []any{map[string]any{"type": "Isolated", "name": "db", "tags": map[string]any{"tier": "data"}}},
	})
	require.NoError(t, err)
	tags := map[string]any{}
	for _, e := range engine.events {
		tags[e.Type] = e.Inputs["tags"]
	}
	shared := map[string]any{"Name": "vpc-db-1", "SubnetType": "Isolated", "env": secret}
	assert.Equal(t, shared, tags["aws:ec2/routeTable:RouteTable"])
	shared["tier"] = "data"
	assert.Equal(t, shared, tags["aws:ec2/subnet:Subnet"])
}
