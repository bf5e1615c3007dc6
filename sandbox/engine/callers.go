package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/access"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/iam"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/stacks"
)

// deployers are the roles that bring the stacks up on AWS: those of GitHub's environments.
var deployers = map[string]string{
	"bootstrap": cloud.Administrator,
	"prod":      "codeflow-deploy-prod", "dr": "codeflow-deploy-prod",
	"blue": "codeflow-deploy-idle", "green": "codeflow-deploy-idle",
}

// callers sets who works on each stack: as, or who would on AWS.
func (s *Sandbox) callers(as string) error {
	byStack := maps.Clone(deployers)
	if as != "" {
		for stack := range byStack {
			byStack[stack] = as
		}
	}
	return cloud.SetCallers(s.path("cloud"), byStack)
}

// as sets who does an operation, until the function that it returns is called. A platform
// is first brought up by an administrator, who makes what its role cannot: the audit's
// trail and bucket. An administrator also takes stacks away, with what is in them.
func (s *Sandbox) as(stack string, operation Operation) (back func() error, err error) {
	nothing := func() error { return nil }
	if s.caller != "" || operation != Destroy && (stack != "prod" || operation != Up && operation != UpRefresh || s.made(stack)) {
		return nothing, nil
	}
	before, err := cloud.Callers(s.path("cloud"))
	if err != nil || before[stack] == "" {
		return nothing, err
	}
	during := maps.Clone(before)
	during[stack] = cloud.Administrator
	return func() error { return cloud.SetCallers(s.path("cloud"), before) }, cloud.SetCallers(s.path("cloud"), during)
}

// made is whether a platform has been up as a whole: until then an administrator is at it.
func (s *Sandbox) made(stack string) bool {
	_, err := os.Stat(s.madeFile(stack))
	return err == nil
}

// note keeps what [Sandbox.made] knows, after an operation that went well.
func (s *Sandbox) note(stack string, operation Operation) error {
	switch operation {
	case Up, UpRefresh:
		state, err := os.ReadFile(s.path("state", ".pulumi", "stacks", project, stack+".json"))
		if err != nil || !bytes.Contains(state, []byte("aws:cloudtrail/trail:Trail")) {
			return err // it waits for something
		}
		return os.WriteFile(s.madeFile(stack), nil, 0o600)
	case Destroy:
		return os.RemoveAll(s.madeFile(stack))
	}
	return nil
}

func (s *Sandbox) madeFile(stack string) string { return s.path("stacks", stack+".made") }

// bootstrapRoles are the policies of the roles that the bootstrap stack would make, of its
// config in the sandbox: it is run without the engine.
func (s *Sandbox) bootstrapRoles() (map[string]iam.Policies, error) {
	document, err := readDocument(filepath.Join(s.root, "Pulumi.bootstrap.yaml"))
	if err != nil {
		return nil, err
	}
	config, err := flatConfig(document)
	if err != nil {
		return nil, err
	}
	m := &registrations{}
	err = pulumi.RunErr(stacks.Program(stacks.Project{Module: s.root, Config: s.root}),
		pulumi.WithMocksWithOrganization("organization", project, "bootstrap", m),
		func(info *pulumi.RunInfo) { info.Config = config })
	if err != nil {
		return nil, fmt.Errorf("making the roles of stack bootstrap: %w", err)
	}
	return m.roles()
}

// registrations are what a program registers. It implements [pulumi.MockResourceMonitor].
type registrations struct {
	mu        sync.Mutex
	resources []pulumi.MockResourceArgs
}

func (m *registrations) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	m.mu.Lock()
	m.resources = append(m.resources, args)
	m.mu.Unlock()
	state := args.Inputs.Copy()
	state["arn"] = resource.NewProperty("arn:aws:iam::" + cloud.Account + ":policy/" + args.Name)
	if args.TypeToken == "aws:s3/bucketV2:BucketV2" {
		state["arn"] = resource.NewProperty("arn:aws:s3:::" + args.Inputs["bucket"].StringValue())
	}
	return args.Name, state, nil
}

func (m *registrations) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return resource.PropertyMap{
		"accountId": resource.NewProperty(cloud.Account), "name": resource.NewProperty("eu-central-1"),
	}, nil
}

// roles have the policies that were attached to them.
func (m *registrations) roles() (map[string]iam.Policies, error) {
	documents, roles := map[string]*iam.Document{}, map[string]iam.Policies{}
	for _, r := range m.resources {
		if r.TypeToken == "aws:iam/policy:Policy" {
			d, err := iam.Parse(r.Inputs["policy"].StringValue())
			if err != nil {
				return nil, fmt.Errorf("policy %q: %w", r.Name, err)
			}
			documents["arn:aws:iam::"+cloud.Account+":policy/"+r.Name] = d
		}
	}
	boundaries := map[string]string{}
	for _, r := range m.resources {
		if r.TypeToken == "aws:iam/role:Role" && r.Inputs["permissionsBoundary"].IsString() {
			boundaries[r.Name] = r.Inputs["permissionsBoundary"].StringValue()
		}
	}
	for _, r := range m.resources {
		if r.TypeToken == "aws:iam/rolePolicyAttachment:RolePolicyAttachment" {
			role := r.Inputs["role"].StringValue()
			p := roles[role]
			p.Boundary = documents[boundaries[role]]
			p.Identity = append(p.Identity, documents[r.Inputs["policyArn"].StringValue()])
			roles[role] = p
		}
	}
	return roles, nil
}

// runtimeBoundary is the sandbox's own, which its stacks put on their roles.
func runtimeBoundary() string { return access.RuntimeBoundaryARN(cloud.Account, project) }

// flatConfig is the config of a stack file as the program gets it.
func flatConfig(document map[string]any) (map[string]string, error) {
	values, _ := document["config"].(map[string]any)
	flat := map[string]string{}
	for key, value := range values {
		if text, ok := value.(string); ok {
			flat[key] = text
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("config %q: %w", key, err)
		}
		flat[key] = string(text)
	}
	return flat, nil
}
