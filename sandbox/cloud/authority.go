package cloud

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/access"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/iam"
)

// Callers that are no roles.
const (
	// Administrator may do everything that no policy of a resource denies.
	Administrator = "administrator"
	// NobodyAsks is not asked for permissions.
	NobodyAsks = "nobody-asks"
)

// authority answers whether a caller may do what a call needs, by the policies that the
// account has.
type authority struct {
	mu        sync.Mutex
	inventory *access.Inventory
	roles     func() (map[string]iam.Policies, error) // Options.Roles, once
	documents map[string]*iam.Document                // by text
	counts    map[string]map[string]int               // calls, by caller and service
}

// SetCallers says who works on each stack: a role of the account, by its name, or one of
// the callers above. It is a file beside the store, so that it also holds for other
// processes. A stack that is not in it is nobody's, who is not asked.
func (c *Cloud) SetCallers(byStack map[string]string) error { return SetCallers(c.dir, byStack) }

// SetCallers is [Cloud.SetCallers] of the account in a folder.
func SetCallers(dir string, byStack map[string]string) error {
	text, err := json.Marshal(byStack)
	if err == nil {
		err = writeAtomically(callersFile(dir), text)
	}
	if err != nil {
		return fmt.Errorf("setting who works on the stacks: %w", err)
	}
	return nil
}

// Callers is who works on each stack, of the account in a folder.
func Callers(dir string) (byStack map[string]string, err error) {
	text, err := os.ReadFile(callersFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &byStack)
	}
	if err != nil {
		return nil, fmt.Errorf("reading who works on the stacks: %w", err)
	}
	return byStack, nil
}

func callersFile(dir string) string { return filepath.Join(filepath.Clean(dir), "callers.json") }

// Caller is who works on a stack.
func (c *Cloud) Caller(stack string) string {
	byStack, err := Callers(c.dir)
	if err != nil {
		return err.Error() // no role has that name, so nothing is allowed
	}
	return cmp.Or(byStack[stack], NobodyAsks)
}

// Principal is a caller as AWS names it.
func Principal(caller string) iam.Principal {
	switch caller {
	case NobodyAsks:
		return iam.Principal{ARN: "arn:aws:iam::" + Account + ":user/sandbox", Account: Account}
	case Administrator:
		return iam.Principal{ARN: "arn:aws:iam::" + Account + ":user/" + Administrator, Account: Account}
	}
	return iam.Session(Account, caller, "sandbox")
}

// Calls counts the calls that were allowed, by caller and service.
func (c *Cloud) Calls() map[string]map[string]int {
	c.authority.mu.Lock()
	defer c.authority.mu.Unlock()
	all := map[string]map[string]int{}
	for caller, services := range c.authority.counts {
		all[caller] = maps.Clone(services)
	}
	return all
}

// Authorize is whether a principal, by its ARN, may do an action on a resource, with the
// keys of the request's conditions. The error is AWS's AccessDenied.
func (c *Cloud) Authorize(_ context.Context, principalARN, action, resource string, conditions map[string][]string) error {
	caller := Administrator
	if _, session, ok := strings.Cut(principalARN, ":assumed-role/"); ok {
		caller, _, _ = strings.Cut(session, "/")
	} else if principalARN == Principal(NobodyAsks).ARN {
		return nil
	}
	request := iam.Request{Principal: Principal(caller), Action: action, Resource: resource, Context: conditions}
	request.Principal.ARN = principalARN
	return c.authority.check(c, caller, []iam.Request{request})
}

// allowed is whether the caller may make the calls of an operation on a resource.
func (c *call) allowed(operation access.Operation, r *Resource) error {
	if c.caller == NobodyAsks || c.caller == "" { // or the account itself
		return nil
	}
	a := &c.cloud.authority
	inventory := a.of(c.cloud)
	a.mu.Lock()
	described := described(r, inventory.Has)
	if operation == access.Update {
		described.Changed = []string{}
		for name := range merge(c.in, c.old.Inputs) {
			if c.changed(name) {
				described.Changed = append(described.Changed, name)
			}
		}
	}
	requests, err := inventory.Calls(operation, &described)
	described.Changed = nil
	inventory.Add(described)
	a.mu.Unlock()
	if err != nil {
		return err
	}
	return a.check(c.cloud, c.caller, requests)
}

// mayRead is whether the caller may call a function of the provider.
func (c *Cloud) mayRead(caller, token, region string, in, out props) error {
	if caller == NobodyAsks {
		return nil
	}
	inventory := c.authority.of(c)
	c.authority.mu.Lock()
	r := described(&Resource{Type: token, Region: region, ID: cmp.Or(in.str("path"), out.str("id")), Inputs: in, Outputs: out}, inventory.Has)
	requests, err := inventory.Calls(access.Read, &r)
	c.authority.mu.Unlock()
	if err != nil {
		return err
	}
	return c.authority.check(c, caller, requests)
}

// of is the account's inventory.
func (a *authority) of(c *Cloud) *access.Inventory {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.inventory == nil {
		a.inventory = access.NewInventory(Account, c.store.Inventory()...)
		a.documents, a.counts = map[string]*iam.Document{}, map[string]map[string]int{}
		a.roles = func() (map[string]iam.Policies, error) { return nil, nil }
		if c.opts.Roles != nil {
			a.roles = sync.OnceValues(c.opts.Roles)
		}
	}
	return a.inventory
}

// check is whether all requests are allowed.
func (a *authority) check(c *Cloud, caller string, requests []iam.Request) error {
	a.of(c)
	a.mu.Lock()
	defer a.mu.Unlock()
	policies, err := a.policies(c, caller)
	if err != nil {
		return err
	}
	for _, r := range requests {
		if r.Principal.ARN == "" {
			r.Principal = Principal(caller)
		}
		context := map[string][]string{"aws:PrincipalArn": {cmp.Or(r.Principal.Role, r.Principal.ARN)}}
		maps.Copy(context, r.Context)
		r.Context = context
		if policies.Resource, err = a.ofResource(c, &r); err != nil {
			return err
		}
		if err := policies.Check(r); err != nil {
			return &apiError{code: "AccessDenied", message: err.Error()}
		}
		service, _, _ := strings.Cut(r.Action, ":")
		if a.counts[caller] == nil {
			a.counts[caller] = map[string]int{}
		}
		a.counts[caller][service]++
	}
	return nil
}

// policies are a caller's. A role that the account does not have is as the bootstrap
// stack would make it.
func (a *authority) policies(c *Cloud, caller string) (p iam.Policies, err error) {
	if caller == Administrator {
		d, err := a.parse(`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
		return iam.Policies{Identity: []*iam.Document{d}}, err
	}
	role, found := c.store.Find(func(r *Resource) bool { return r.Short() == "iam/role" && r.ID == caller })
	if !found {
		roles, err := a.roles()
		if err != nil {
			return p, err
		}
		p, found = roles[caller]
		if !found {
			return p, fmt.Errorf("there is no role %q: there are %s", caller, strings.Join(slices.Sorted(maps.Keys(roles)), ", "))
		}
		return p, nil
	}
	var texts []string
	boundary := ""
	for _, r := range c.store.List(func(r *Resource) bool { return strings.HasPrefix(r.Short(), "iam/") }) {
		switch {
		case r.Short() == "iam/rolePolicy" && r.Outputs["role"] == caller:
			texts = append(texts, text(r.Outputs["policy"]))
		case r.Short() == "iam/rolePolicyAttachment" && r.Outputs["role"] == caller:
			texts = append(texts, managedDocument(c, text(r.Outputs["policyArn"])))
		case r.Short() == "iam/policy" && r.ID == role.Outputs["permissionsBoundary"]:
			boundary = text(r.Outputs["policy"])
		}
	}
	for _, text := range texts {
		if text == "" {
			continue // AWS's own
		}
		d, err := a.parse(text)
		if err != nil {
			return p, err
		}
		p.Identity = append(p.Identity, d)
	}
	if boundary != "" {
		p.Boundary, err = a.parse(boundary)
	}
	return p, err
}

// managedDocument is the text of a managed policy, "" of AWS's own.
func managedDocument(c *Cloud, arn string) string {
	policy, found := c.store.Find(func(r *Resource) bool { return r.Short() == "iam/policy" && r.ID == arn })
	if !found {
		return ""
	}
	return text(policy.Outputs["policy"])
}

// ofResource is the policy of what a request is on: of a bucket, a key, a secret or, for
// its trust, a role.
func (a *authority) ofResource(c *Cloud, r *iam.Request) (*iam.Document, error) {
	service, _, _ := strings.Cut(r.Action, ":")
	var of, property string
	id := r.Resource
	switch {
	case service == "s3":
		of, property = "s3/bucketPolicy", "policy"
		id, _, _ = strings.Cut(strings.TrimPrefix(r.Resource, "arn:aws:s3:::"), "/")
	case service == "kms":
		of, property = "kms/key", "policy"
		id = r.Resource[strings.LastIndex(r.Resource, "/")+1:]
	case service == "secretsmanager":
		of, property = "secretsmanager/secretPolicy", "policy"
	case strings.HasPrefix(r.Action, "sts:AssumeRole"):
		of, property = "iam/role", "assumeRolePolicy"
		id = r.Resource[strings.LastIndex(r.Resource, "/")+1:]
	default:
		return nil, nil
	}
	found, ok := c.store.Find(func(r *Resource) bool { return r.Short() == of && r.ID == id })
	if !ok || text(found.Outputs[property]) == "" {
		return nil, nil
	}
	return a.parse(text(found.Outputs[property]))
}

func (a *authority) parse(text string) (*iam.Document, error) {
	if d, ok := a.documents[text]; ok {
		return d, nil
	}
	d, err := iam.Parse(text)
	if err == nil {
		a.documents[text] = d
	}
	return d, err
}
