package awsx

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Version is the version of awsx that the package stands in for.
const Version = "2.22.0"

// Serve starts the provider on a free local port and returns the port. The provider stops when ctx is done.
func Serve(ctx context.Context) (port int, err error) {
	stop := make(chan bool)
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: stop,
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterResourceProviderServer(server, &awsxServer{})
			return nil
		},
	})
	if err != nil {
		return 0, fmt.Errorf("serving awsx: %w", err)
	}
	context.AfterFunc(ctx, func() { close(stop) })
	return handle.Port, nil
}

// awsxServer implements the provider protocol as far as the engine uses it for a component provider.
type awsxServer struct {
	pulumirpc.UnimplementedResourceProviderServer

	engine atomic.Value // The address of the engine that attached last, a string.
}

// Attach remembers the engine that debugs this provider.
func (s *awsxServer) Attach(_ context.Context, req *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
	s.engine.Store(req.GetAddress())
	return &emptypb.Empty{}, nil
}

// GetPluginInfo reports the version that the package stands in for.
func (s *awsxServer) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: Version}, nil
}

// CheckConfig accepts any configuration.
func (s *awsxServer) CheckConfig(_ context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: req.GetNews()}, nil
}

// DiffConfig reports that no change of configuration replaces the provider.
func (s *awsxServer) DiffConfig(context.Context, *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	return &pulumirpc.DiffResponse{}, nil
}

// Configure announces the same abilities as the real plugin.
func (s *awsxServer) Configure(context.Context, *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	return &pulumirpc.ConfigureResponse{AcceptSecrets: true, AcceptResources: true, AcceptOutputs: true}, nil
}

// Construct builds an awsx:ec2:Vpc.
func (s *awsxServer) Construct(
	ctx context.Context, req *pulumirpc.ConstructRequest,
) (*pulumirpc.ConstructResponse, error) {
	if req.GetType() != vpcToken {
		return nil, fmt.Errorf("the sandbox's awsx does not know %q, only %q", req.GetType(), vpcToken)
	}
	engine, attached := s.engine.Load().(string)
	if !attached {
		return nil, fmt.Errorf("constructing %q: no engine has attached", req.GetName())
	}
	host, err := provider.NewHostClient(engine)
	if err != nil {
		return nil, fmt.Errorf("connecting to the engine at %q: %w", engine, err)
	}
	defer func() { _ = host.Close() }()
	return provider.Construct(ctx, req, host.EngineConn(), func(
		ctx *pulumi.Context, _, name string, inputs provider.ConstructInputs, opts pulumi.ResourceOption,
	) (*provider.ConstructResult, error) {
		return newVPC(ctx, name, inputs, opts)
	})
}

// Cancel does nothing: a construction ends with its own request.
func (s *awsxServer) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}
