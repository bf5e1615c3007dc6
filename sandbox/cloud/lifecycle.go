package cloud

import (
	"context"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/access"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud/schema"
)

// Create makes a resource. In a preview it only says which outputs there will
// be.
func (p *provider) Create(ctx context.Context, req *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	c, typ, err := p.begin(ctx, req.GetUrn())
	if err != nil {
		return nil, err
	}
	c.in = decode(req.GetProperties())
	c.out = merge(c.in)
	c.tagAll(ctx, typ)
	if req.GetPreview() {
		for name, property := range typ.Properties {
			if property.Computed && c.out[name] == nil {
				c.out[name] = schema.Unknown{}
			}
		}
		properties, err := c.encodeOutputs(typ)
		return &pulumirpc.CreateResponse{Properties: properties}, err
	}

	r, err := c.carryOut(ctx, c.create)
	if err != nil {
		return nil, describe("creating", c.typ, nameOf(c.urn), err)
	}
	c.out = readBack(typ, c.out)
	properties, err := c.encodeOutputs(typ)
	if err != nil {
		return nil, err
	}
	if len(c.initErrors) > 0 {
		return nil, initFailed(r.ID, c.initErrors, properties, req.GetProperties())
	}
	return &pulumirpc.CreateResponse{Id: r.ID, Properties: properties}, nil
}

// carryOut changes the account in one step, and then waits for what that sets going.
func (c *call) carryOut(ctx context.Context, step func() (*Resource, error)) (*Resource, error) {
	r, err := c.locked(step)
	if err != nil {
		return nil, err
	}
	if err := c.cloud.changed(c.typ); err != nil || c.rule.Settle == nil {
		return r, err
	}
	return r, c.rule.Settle(ctx, c, r)
}

// locked takes a step while nobody else does.
func (c *call) locked(step func() (*Resource, error)) (*Resource, error) {
	c.cloud.mu.Lock()
	defer c.cloud.mu.Unlock()
	return step()
}

func (c *call) create() (*Resource, error) {
	if err := c.cloud.throttle(); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.rule.ARN != "" {
		c.rule.Outputs = merge(c.rule.Outputs, map[string]any{"arn": "arn:aws:" + c.rule.ARN})
	}
	template := c.rule.ID
	if template == "" {
		template = "{hex32}"
	}
	if id, ok := expand(template, c.region, c.out); ok {
		c.out["id"] = id
	}
	if err := c.applyRule(); err != nil {
		return nil, err
	}
	fill(c.rule.Outputs, c.region, c.out)
	id, ok := expand(template, c.region, c.out)
	if had := c.out.str("id"); had != "" {
		id, ok = had, true
	}
	if !ok {
		return nil, fmt.Errorf("the sandbox cannot make an id from %q", template)
	}
	delete(c.out, "id")
	r := &Resource{
		Type: c.typ, ID: id, Key: c.rule.key(id, c.region, c.out), Region: c.rule.home(c.region), URN: c.urn,
		Inputs: c.in, Outputs: c.out, Events: c.events,
	}
	if _, taken := c.cloud.store.Get(r.Type, r.Region, r.Key); taken {
		return nil, refuse("ResourceAlreadyExistsException", "%s %s already exists", shortType(c.typ), r.Key)
	}
	if err := c.allowed(access.Create, r); err != nil {
		return nil, err
	}
	return r, c.cloud.store.Put(r)
}

func (c *call) applyRule() error {
	if c.rule.Apply == nil {
		return nil
	}
	return c.rule.Apply(c)
}

// Update changes a resource in place.
func (p *provider) Update(ctx context.Context, req *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	c, typ, err := p.begin(ctx, req.GetUrn())
	if err != nil {
		return nil, err
	}
	c.in = decode(req.GetNews())
	step := func() (*Resource, error) { return c.update(ctx, typ, req) }
	if req.GetPreview() {
		_, err = c.locked(step)
	} else {
		_, err = c.carryOut(ctx, step)
	}
	if err != nil {
		return nil, describe("updating", c.typ, req.GetId(), err)
	}
	if c.reported != nil {
		c.out = c.reported
	}
	if !req.GetPreview() {
		c.out = readBack(typ, c.out)
	}
	properties, err := c.encodeOutputs(typ)
	if err != nil {
		return nil, err
	}
	if len(c.initErrors) > 0 {
		return nil, initFailed(c.old.ID, c.initErrors, properties, req.GetNews())
	}
	return &pulumirpc.UpdateResponse{Properties: properties}, nil
}

func (c *call) update(ctx context.Context, typ *schema.Type, req *pulumirpc.UpdateRequest) (*Resource, error) {
	state := decode(req.GetOlds())
	r, found := c.cloud.store.Get(c.typ, c.rule.home(c.region), c.rule.key(req.GetId(), c.region, state))
	if !found && req.GetPreview() {
		r = &Resource{Inputs: decode(req.GetOldInputs()), Outputs: state}
	} else if !found {
		return nil, refuse("ResourceNotFoundException", "%s does not exist; refresh the stack", req.GetId())
	}
	c.old = r
	c.out = overlay(typ, r, c.in)
	c.tagAll(ctx, typ)
	if req.GetPreview() {
		return r, nil
	}
	return c.change()
}

// change judges an update and stores it.
func (c *call) change() (*Resource, error) {
	if err := c.cloud.throttle(); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := c.applyRule(); err != nil {
		return nil, err
	}
	stored := *c.old
	stored.Inputs, stored.Outputs = c.in, c.out
	stored.Events = slices.Concat(c.events, c.old.Events)
	if err := c.allowed(access.Update, &stored); err != nil {
		return nil, err
	}
	return &stored, c.cloud.store.Put(&stored)
}

// overlay lays new inputs over a resource's outputs. What the inputs no longer
// have goes, except what AWS chose by itself.
func overlay(typ *schema.Type, r *Resource, in props) props {
	out := props(merge(r.Outputs))
	for name := range r.Inputs {
		if property := typ.Properties[name]; in[name] == nil && (property == nil || !property.Computed) {
			delete(out, name)
		}
	}
	return merge(out, in)
}

// Read reports a resource as it is, in AWS's form; one that is gone has no id.
func (p *provider) Read(ctx context.Context, req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	c, typ, err := p.begin(ctx, req.GetUrn())
	if err != nil {
		return nil, err
	}
	key := c.rule.key(req.GetId(), c.region, decode(req.GetProperties()))
	r, found := p.cloud.store.Get(c.typ, c.rule.home(c.region), key)
	if !found || r.Outputs["status"] == inactive {
		return &pulumirpc.ReadResponse{}, nil
	}
	if err := c.allowed(access.Read, r); err != nil {
		return nil, describe("reading", c.typ, req.GetId(), err)
	}
	c.out = readBack(typ, r.Outputs)
	properties, err := c.encodeOutputs(typ)
	if err != nil {
		return nil, err
	}
	inputs, err := encode(readBack(typ, r.Inputs), nil)
	return &pulumirpc.ReadResponse{Id: r.ID, Properties: properties, Inputs: inputs}, err
}

// Delete removes a resource; one that is gone is fine.
func (p *provider) Delete(ctx context.Context, req *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	c, _, err := p.begin(ctx, req.GetUrn())
	if err != nil {
		return nil, err
	}
	c.in = decode(req.GetProperties())
	_, err = c.locked(func() (*Resource, error) { return nil, c.delete(req.GetId()) })
	if err == nil {
		err = p.cloud.changed(c.typ)
	}
	if err != nil {
		return nil, describe("deleting", c.typ, req.GetId(), err)
	}
	return &emptypb.Empty{}, nil
}

func (c *call) delete(id string) error {
	r, found := c.cloud.store.Get(c.typ, c.rule.home(c.region), c.rule.key(id, c.region, c.in))
	if !found {
		return nil
	}
	c.old, c.out = r, r.Outputs
	if err := c.cloud.throttle(); err != nil {
		return err
	}
	if err := c.allowed(access.Delete, r); err != nil {
		return err
	}
	if err := c.unused(); err != nil {
		return err
	}
	if c.rule.Destroy != nil {
		if err := c.rule.Destroy(c); err != nil {
			return err
		}
	}
	if c.reported != nil { // the rule keeps it, in another state.
		r.URN, r.Outputs = "", c.reported
		return c.cloud.store.Put(r)
	}
	return c.cloud.store.Delete(r.Type, r.Region, r.Key)
}

// begin looks up what a call needs to know.
func (p *provider) begin(ctx context.Context, urn string) (*call, *schema.Type, error) {
	token := typeOf(urn)
	rule, typ, err := lookup(token)
	if err != nil {
		return nil, nil, err
	}
	region, _, err := sessionOf(ctx)
	if err != nil {
		return nil, nil, err
	}
	return &call{cloud: p.cloud, typ: token, region: region, urn: urn, caller: callerOf(ctx), rule: rule}, typ, nil
}

// tagAll sets tagsAll: the provider's default tags and the resource's own.
func (c *call) tagAll(ctx context.Context, typ *schema.Type) {
	if typ.Properties["tagsAll"] == nil {
		return
	}
	_, defaults, _ := sessionOf(ctx)
	own, _ := c.in["tags"].(map[string]any)
	if c.in.unknown("tags") {
		c.out["tagsAll"] = schema.Unknown{}
		return
	}
	c.out["tagsAll"] = merge(defaults, own)
}

// encodeOutputs encodes the outputs; what AWS calls sensitive is secret.
func (c *call) encodeOutputs(typ *schema.Type) (*structpb.Struct, error) {
	return encode(c.out, func(name string) bool {
		property := typ.Properties[name]
		return property != nil && property.Sensitive
	})
}

// initFailed is the error for a resource that exists but did not come up. The
// engine records it with its reasons and tries again on the next update.
func initFailed(id string, reasons []string, properties, inputs *structpb.Struct) error {
	detail := &pulumirpc.ErrorResourceInitFailed{Id: id, Properties: properties, Inputs: inputs, Reasons: reasons}
	return rpcerror.WithDetails(rpcerror.New(codes.Unknown, reasons[0]), detail)
}
