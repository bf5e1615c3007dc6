package cloud

import (
	"context"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud/schema"
)

// Version is the version of pulumi-aws that the sandbox stands in for.
const Version = "6.83.4"

// provider speaks the engine's protocol for a [Cloud].
type provider struct {
	pulumirpc.UnimplementedResourceProviderServer
	cloud *Cloud
}

var _ pulumirpc.ResourceProviderServer = (*provider)(nil)

// Handshake and Configure decline secrets and outputs: the engine then sends
// plain values and itself keeps secret what was secret.
func (p *provider) Handshake(
	context.Context, *pulumirpc.ProviderHandshakeRequest,
) (*pulumirpc.ProviderHandshakeResponse, error) {
	return &pulumirpc.ProviderHandshakeResponse{}, nil
}

func (p *provider) Configure(
	ctx context.Context, req *pulumirpc.ConfigureRequest,
) (*pulumirpc.ConfigureResponse, error) {
	s, ok := ctx.Value(sessionKey{}).(*session)
	if !ok {
		return nil, errors.New("configuring: the request came over no known connection")
	}
	if err := s.configure(decode(req.GetArgs())); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stack, _ := s.defaultTags["Stack"].(string)
	s.caller = p.cloud.Caller(stack)
	return &pulumirpc.ConfigureResponse{SupportsPreview: true}, nil
}

func (p *provider) Attach(context.Context, *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (p *provider) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (p *provider) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: Version}, nil
}

func (p *provider) GetSchema(context.Context, *pulumirpc.GetSchemaRequest) (*pulumirpc.GetSchemaResponse, error) {
	return &pulumirpc.GetSchemaResponse{Schema: fmt.Sprintf(`{"name":"aws","version":%q}`, Version)}, nil
}

func (p *provider) CheckConfig(_ context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: req.GetNews()}, nil
}

// DiffConfig replaces the provider, and with it all it made, when the region
// changes.
func (p *provider) DiffConfig(_ context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	olds, news := decode(req.GetOldInputs()), decode(req.GetNews())
	response := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}
	for name := range merge(olds, news) {
		if schema.Equal(nil, olds[name], news[name]) {
			continue
		}
		response.Changes = pulumirpc.DiffResponse_DIFF_SOME
		response.Diffs = append(response.Diffs, name)
		if name == "region" {
			response.Replaces = append(response.Replaces, name)
		}
	}
	return response, nil
}

// lookup returns what is known of a type, or says that nothing is.
func lookup(token string) (Rule, *schema.Type, error) {
	rule, known := rules[shortType(token)]
	typ, described := schema.Lookup(token)
	if !known || !described {
		return Rule{}, nil, status.Errorf(codes.Unimplemented,
			"the sandbox does not know %s yet: add it to sandbox/cloud/rules_*.go", token)
	}
	return rule, typ, nil
}

// typeOf reads the type from a URN; older engines do not send it by itself.
func typeOf(urn string) string { return string(resource.URN(urn).Type()) }

// StackOf is the stack of a URN, "" of none.
func StackOf(urn string) string {
	if urn == "" {
		return ""
	}
	return string(resource.URN(urn).Stack())
}

func nameOf(urn string) string { return resource.URN(urn).Name() }

// merge returns the union of property sets; later ones win.
func merge(sets ...map[string]any) map[string]any {
	all := map[string]any{}
	for _, set := range sets {
		for name, value := range set {
			all[name] = value
		}
	}
	return all
}
