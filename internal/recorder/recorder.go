// Package recorder is the mock of the Pulumi engine that the component and
// stack tests share: it answers registrations with AWS-shaped outputs and keeps
// what was registered. It does not prove that AWS accepts the inputs, nor what
// the engine does with options; the sandbox's engine tests do.
package recorder

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
)

// Account is the AWS account id in every answer.
const Account = "123456789012"

// Recorder implements [pulumi.MockResourceMonitor].
type Recorder struct {
	// Calls answers invokes by token; an invoke without an answer is an error.
	Calls map[string]func(args resource.PropertyMap) (resource.PropertyMap, error)
	// Outputs adds outputs to a type's answer, besides its inputs, id and arn.
	Outputs map[string]resource.PropertyMap
	// Config is the stack config by full key ("project:name").
	Config map[string]string

	mu        sync.Mutex
	resources []Resource
}

// Resource is one registration.
type Resource struct {
	Type, Name string
	Parent     string // logical name of the parent, "" for the stack
	Inputs     resource.PropertyMap
	RPC        *pulumirpc.RegisterResourceRequest
}

// Run runs the program once, as a preview or as an update, and returns what it
// registered by type and name and the program's error.
func (r *Recorder) Run(preview bool, program pulumi.RunFunc) error {
	r.resources = nil
	return pulumi.RunErr(program,
		pulumi.WithMocksWithOrganization("organization", "codeflow", "test", r),
		func(info *pulumi.RunInfo) { info.DryRun, info.Config = preview, r.Config })
}

// Both runs the program in preview and in update mode and fails the test on an
// error or when both do not register the same resources.
func (r *Recorder) Both(t *testing.T, program pulumi.RunFunc) {
	t.Helper()
	require.NoError(t, r.Run(true, program), "preview")
	preview := r.Children()
	require.NoError(t, r.Run(false, program), "update")
	require.Equal(t, preview, r.Children(), "preview and update register different resources")
}

// NewResource implements [pulumi.MockResourceMonitor].
func (r *Recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	rec := Resource{Type: args.TypeToken, Name: args.Name, Inputs: args.Inputs, RPC: args.RegisterRPC}
	if rec.RPC != nil {
		rec.Parent = logicalName(rec.RPC.GetParent())
	}
	r.mu.Lock()
	r.resources = append(r.resources, rec)
	r.mu.Unlock()

	id := args.Name + "-id"
	if args.ID != "" {
		id = args.ID
	}
	state := maps.Clone(args.Inputs)
	if service, _, ok := strings.Cut(strings.TrimPrefix(args.TypeToken, "aws:"), "/"); ok {
		state["arn"] = resource.NewProperty(fmt.Sprintf("arn:aws:%s:eu-central-1:%s:%s", service, Account, args.Name))
	}
	maps.Copy(state, r.Outputs[args.TypeToken])
	return id, state, nil
}

// Call implements [pulumi.MockResourceMonitor].
func (r *Recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	answer, ok := r.Calls[args.Token]
	if !ok {
		return nil, fmt.Errorf("the recorder has no answer for invoke %q", args.Token)
	}
	return answer(args.Args)
}

// Children lists "parent/type name" of everything registered, sorted.
func (r *Recorder) Children() []string {
	var list []string
	for _, res := range r.resources {
		list = append(list, fmt.Sprintf("%s/%s %s", res.Parent, res.Type, res.Name))
	}
	slices.Sort(list)
	return list
}

// Resources lists everything registered, in no order.
func (r *Recorder) Resources() []Resource { return r.resources }

// Count is the number of registrations of each type.
func (r *Recorder) Count() map[string]int {
	n := map[string]int{}
	for _, res := range r.resources {
		n[res.Type]++
	}
	return n
}

// Get returns the one resource of the type and name, or fails the test.
func (r *Recorder) Get(t *testing.T, typ, name string) Resource {
	t.Helper()
	for _, res := range r.resources {
		if res.Type == typ && res.Name == name {
			return res
		}
	}
	require.Failf(t, "not registered", "no %s named %q; registered: %s", typ, name, strings.Join(r.Children(), "\n"))
	return Resource{}
}

// In returns the plain Go value at a path of the inputs ("rules[0].action"),
// with secrets as they are; nil when there is nothing.
func (res Resource) In(path string) any {
	p, err := resource.ParsePropertyPath(path)
	if err != nil {
		return err
	}
	v, ok := p.Get(resource.NewProperty(res.Inputs))
	if !ok {
		return nil
	}
	return v.Mappable()
}

func logicalName(urn string) string {
	if parent := resource.URN(urn); parent.IsValid() && parent.Type() != "pulumi:pulumi:Stack" {
		return parent.Name()
	}
	return ""
}

// RefuseEach runs the program once for each child that its component registers,
// with that child refused, and fails the test unless the program reports it as
// an error of its own. The program must hand the options to the component.
// Children of the types in except, which others register, are left alone.
func (r *Recorder) RefuseEach(t *testing.T, program func(...pulumi.ResourceOption) pulumi.RunFunc, except ...string) {
	t.Helper()
	require.NoError(t, r.Run(false, program()))
	for _, child := range r.resources {
		if child.Parent == "" || slices.Contains(except, child.Type) {
			continue
		}
		err := r.Run(false, program(refuse(child)))
		require.ErrorContains(t, err, refusal, "%s %s", child.Type, child.Name)
		require.NotContains(t, err.Error(), "* "+refusal, "%s %s: the component must say what it was doing", child.Type, child.Name)
	}
}

// refusal is the SDK's error for what refuse does.
const refusal = "transformations cannot currently be used to change the `parent` of a resource"

// refuse makes the registration of a resource fail at once: the SDK does not let
// a transformation change a resource's parent.
func refuse(child Resource) pulumi.ResourceOption {
	return pulumi.Transformations([]pulumi.ResourceTransformation{
		func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
			if args.Name != child.Name || args.Type != child.Type {
				return nil
			}
			return &pulumi.ResourceTransformationResult{Opts: []pulumi.ResourceOption{pulumi.Parent(args.Resource)}}
		},
	})
}
