package cloud

import (
	"context"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud/schema"
)

// nameRandom is how many random letters the provider appends to a name.
const nameRandom = 7

// Check names the resource, and judges its inputs by the schema and, when they
// fit it, by the rule of the type.
func (p *provider) Check(_ context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	token := typeOf(req.GetUrn())
	rule, typ, err := lookup(token)
	if err != nil {
		return nil, err
	}
	news := decode(req.GetNews())
	if err := rule.Autoname.apply(typ, req, news); err != nil {
		return nil, err
	}

	response := &pulumirpc.CheckResponse{}
	for _, problem := range typ.Check(news) {
		response.Failures = append(response.Failures, &pulumirpc.CheckFailure{
			Property: problem.Path, Reason: fmt.Sprintf("%s: %s", problem.Path, problem.Reason),
		})
	}
	if len(response.Failures) == 0 && rule.Check != nil {
		if err := rule.Check(news); err != nil {
			response.Failures = append(response.Failures, &pulumirpc.CheckFailure{Reason: err.Error()})
		}
	}
	response.Inputs, err = encode(news, nil)
	return response, err
}

func (a Autoname) property() string {
	if a.Property == "" {
		return "name"
	}
	return a.Property
}

// apply gives a resource without a name the one it has, or else a new one that
// starts with its Pulumi name.
func (a Autoname) apply(typ *schema.Type, req *pulumirpc.CheckRequest, news props) error {
	name := a.property()
	property, ok := typ.Properties[name]
	if !ok || !property.Input() || news[name] != nil || news["namePrefix"] != nil || news[name+"Prefix"] != nil {
		return nil
	}
	if had := decode(req.GetOlds()).str(name); had != "" {
		news[name] = had
		return nil
	}
	longest := a.Max
	if longest == 0 {
		longest = 255
	}
	prefix := a.Prefix + nameOf(req.GetUrn()) + "-"
	if a.Lower {
		prefix = strings.ToLower(prefix)
	}
	made, err := resource.NewUniqueName(req.GetRandomSeed(), prefix, nameRandom, longest, nil)
	if err != nil {
		return fmt.Errorf("naming %s: %w", req.GetUrn(), err)
	}
	news[name] = made
	return nil
}

// madeUp reports whether a resource's name is one that apply made, so that a
// replacement can have another.
func (a Autoname) madeUp(urn string, inputs props) bool {
	name := inputs.str(a.property())
	prefix := a.Prefix + nameOf(urn) + "-"
	return len(name) == len(prefix)+nameRandom && strings.EqualFold(name[:len(prefix)], prefix)
}
