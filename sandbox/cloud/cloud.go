package cloud

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/iam"
)

// Images is the image registry that plays ECR.
type Images interface {
	// Has reports whether a repository has a manifest with the digest.
	Has(repository, digest string) bool
	// Empty reports whether a repository has no image.
	Empty(repository string) bool
	// Remove deletes all images of a repository.
	Remove(repository string) error
	// Endpoint is the registry's URL, such as http://127.0.0.1:5000.
	Endpoint() string
	// Password is what a push must have.
	Password() string
}

// Runtime makes what the account has really run. It is called without the
// account's lock and may use the account.
type Runtime interface {
	// Changed follows a change of a resource of a type, in the short form, such as
	// lb/targetGroup.
	Changed(short string) error
	// Deploy runs a service and waits until it is steady or has failed. The
	// definition is the ARN of the one that the service ran before, "" when the
	// service is new.
	Deploy(ctx context.Context, service *Resource, before string) (Outcome, error)
}

// Outcome of a deployment.
type Outcome struct {
	// Failed is set when it failed, and RolledBackTo is then the ARN of the task
	// definition that the service was returned to, if it was.
	Failed       bool
	RolledBackTo string
	// Events of the service, the newest first, in ECS's words.
	Events []string
}

// Options are the optional parts of a [Cloud]; the zero value is useful.
type Options struct {
	// Images is the registry behind ECR. Without one, no image exists.
	Images Images
	// Runtime runs services. Without one, a deployment is only judged: it settles
	// when its image exists.
	Runtime Runtime
	// Roles has the policies of roles of the bootstrap stack, by name, for an account that
	// has none yet. Without it, only the account's own roles can call.
	Roles func() (map[string]iam.Policies, error)
	// CrashAfter makes the process exit with status 137 right after that many
	// changes of the store, before the engine hears of the last one. It is how
	// tests kill a deployment at every point. 0 never does.
	CrashAfter int
}

// Cloud is a simulated AWS account.
type Cloud struct {
	dir   string
	store *Store
	opts  Options

	// mu makes each create, update and delete one step, as judged and as
	// written. What takes time, a deployment, is outside.
	mu    sync.Mutex
	calls int // counts calls for the throttle fault.
	// authority is asked before each call of a caller.
	authority authority
}

// Open opens the account that is kept in a folder, which it creates.
func Open(dir string, opts Options) (*Cloud, error) {
	store, err := OpenStore(filepath.Join(dir, "resources"))
	if err != nil {
		return nil, fmt.Errorf("opening the simulated AWS: %w", err)
	}
	if left := opts.CrashAfter; left > 0 {
		store.wrote = func() {
			if left--; left == 0 {
				os.Exit(137)
			}
		}
	}
	return &Cloud{dir: dir, store: store, opts: opts}, nil
}

// Store is the account's resources.
func (c *Cloud) Store() *Store { return c.store }

// SetRuntime gives an account that is not served yet its runtime.
func (c *Cloud) SetRuntime(r Runtime) { c.opts.Runtime = r }

// changed tells the runtime what has changed.
func (c *Cloud) changed(typ string) error {
	if c.opts.Runtime == nil {
		return nil
	}
	if err := c.opts.Runtime.Changed(shortType(typ)); err != nil {
		return fmt.Errorf("running what the account has: %w", err)
	}
	return nil
}

// Serve serves the provider on a free loopback port until the context ends.
func (c *Cloud) Serve(ctx context.Context) (port int, err error) {
	cancel := make(chan bool)
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel:  cancel,
		Options: []grpc.ServerOption{grpc.StatsHandler(sessions{})},
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterResourceProviderServer(server, &provider{cloud: c})
			return nil
		},
	})
	if err != nil {
		return 0, fmt.Errorf("serving the simulated AWS: %w", err)
	}
	go func() {
		<-ctx.Done()
		close(cancel)
		<-handle.Done //nolint:errcheck // it ends because it is told to
	}()
	return handle.Port, nil
}
