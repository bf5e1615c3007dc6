package iam

import (
	"fmt"
	"strings"
)

// Principal is who asks. The zero value is nobody, whom only a policy for everybody lets in.
type Principal struct {
	// ARN is as in AWS's messages: of a session, arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION.
	ARN string
	// Role is the ARN of the role of a session, "" for a user.
	Role string
	// Account is the id of its account.
	Account string
	// Service is that of a service principal, such as "ecs-tasks.amazonaws.com".
	Service string
	// Federated is the ARN of the identity provider, for sts:AssumeRoleWithWebIdentity.
	Federated string
}

// Session is a session of a role of an account.
func Session(account, role, name string) Principal {
	return Principal{
		ARN:  fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", account, role, name),
		Role: fmt.Sprintf("arn:aws:iam::%s:role/%s", account, role), Account: account,
	}
}

// Request is one action on one resource. An action that AWS checks on several is
// several requests.
type Request struct {
	Principal Principal
	Action    string // such as "ecs:UpdateService"
	Resource  string // its ARN, "*" for an action without one
	// Context has the condition keys, such as "aws:RequestTag/Project".
	Context map[string][]string
}

// Policies are those that apply to a request, within one account.
type Policies struct {
	// Identity are the principal's.
	Identity []*Document
	// Boundary is the principal's permission boundary, nil for none.
	Boundary *Document
	// Resource is the policy of the resource: of a bucket, a secret, a key, or the trust of
	// a role. Nil is none, and for a key the default one, which leaves it to the account's
	// own policies.
	Resource *Document
}

// Denied is AWS's answer to what is not allowed. Its words are those of
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
type Denied struct {
	Request Request
	// Because is the end of the message, such as "because no identity-based policy
	// allows the ecs:UpdateService action".
	Because string
}

func (d *Denied) Error() string {
	who := d.Request.Principal.ARN
	if who == "" {
		who = d.Request.Principal.Service + d.Request.Principal.Federated
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s",
		who, d.Request.Action, d.Request.Resource, d.Because)
}

// Check returns a [*Denied] when the request is not allowed.
func (p Policies) Check(r Request) error {
	deny := func(format string, args ...any) error {
		return &Denied{Request: r, Because: fmt.Sprintf(format, args...)}
	}
	policies := []struct {
		name      string
		documents []*Document
	}{
		{"an identity-based policy", p.Identity}, {"a permissions boundary", one(p.Boundary)}, {"a " + kindOf(r), one(p.Resource)},
	}
	for _, kind := range policies {
		for _, document := range kind.documents {
			if document.effect(&r, true) {
				return deny("with an explicit deny in %s", kind.name)
			}
		}
	}

	reach := p.resource(&r)
	if reach == byItself {
		return nil
	}
	strict := kindOf(r) != "resource-based policy" || strings.HasPrefix(r.Action, "kms:") && p.Resource != nil
	if strict && reach == none {
		return deny("because no %s allows the %s action", kindOf(r), r.Action)
	}
	if r.Principal.Service != "" || r.Principal.Federated != "" || r.Principal.ARN == "" {
		if reach >= toRole {
			return nil
		}
		return deny("because no %s allows the %s action", kindOf(r), r.Action)
	}
	if reach < toRole && !allowed(p.Identity, &r) {
		return deny("because no identity-based policy allows the %s action", r.Action)
	}
	if p.Boundary != nil && !allowed(one(p.Boundary), &r) {
		return deny("because no permissions boundary allows the %s action", r.Action)
	}
	return nil
}

// kindOf is what AWS calls the policy of the request's resource.
func kindOf(r Request) string {
	if strings.HasPrefix(r.Action, "sts:AssumeRole") {
		return "role trust policy"
	}
	return "resource-based policy"
}

func one(d *Document) []*Document {
	if d == nil {
		return nil
	}
	return []*Document{d}
}

func allowed(documents []*Document, r *Request) bool {
	for _, d := range documents {
		if d.effect(r, false) {
			return true
		}
	}
	return false
}

// effect is whether a statement that allows, or one that denies, is about the request.
func (d *Document) effect(r *Request, deny bool) bool {
	for i := range d.Statements {
		s := &d.Statements[i]
		if s.Deny == deny && s.about(r) && (s.Principals == nil || s.names(&r.Principal) > none) {
			return true
		}
	}
	return false
}

// reach is how far a statement of a resource's policy goes for a principal.
type reach int

const (
	none      reach = iota
	byAccount       // it lets the account's own policies decide
	toRole          // it allows the role, within the role's boundary
	byItself        // it allows this very user or session, whatever the boundary does not say
)

// resource is the farthest that the policy of the resource goes.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
func (p Policies) resource(r *Request) (farthest reach) {
	if p.Resource == nil {
		return none
	}
	for i := range p.Resource.Statements {
		s := &p.Resource.Statements[i]
		if !s.Deny && s.about(r) {
			farthest = max(farthest, s.names(&r.Principal))
		}
	}
	return farthest
}

// names is how the statement's principals name this one.
func (s *Statement) names(p *Principal) (farthest reach) {
	for kind, names := range s.Principals {
		for _, name := range names {
			switch {
			case kind == "Service" && name == p.Service && name != "", kind == "Federated" && name == p.Federated && name != "":
				farthest = max(farthest, toRole)
			case kind == "Service" || kind == "Federated":
			case name == "*":
				farthest = max(farthest, toRole)
			case p.Account != "" && (name == p.Account || name == "arn:aws:iam::"+p.Account+":root"):
				farthest = max(farthest, byAccount)
			case name == p.Role && name != "":
				farthest = max(farthest, toRole)
			case name == p.ARN && name != "":
				farthest = max(farthest, byItself)
			}
		}
	}
	return farthest
}

// about is whether the statement's actions, resources and conditions are the request's.
func (s *Statement) about(r *Request) bool {
	if s.Actions != nil && !actionIn(s.Actions, r.Action) || s.NotActions != nil && actionIn(s.NotActions, r.Action) {
		return false
	}
	if s.Resources != nil && !r.resourceIn(s.Resources) || s.NotResources != nil && r.resourceIn(s.NotResources) {
		return false
	}
	for _, c := range s.Conditions {
		if !c.holds(r) {
			return false
		}
	}
	return true
}
