package waf

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Type is the component's type token.
const Type = "codeflow:waf:WebACL"

// version is go.mod's version of pulumi-aws. The typed packages send it, and no
// plugin URL, with each registration: with any other version the engine would
// start a second provider.
const version = "6.83.4"

// WebACL is a web ACL with its log.
type WebACL struct {
	pulumi.ResourceState

	Name         string // of its metrics
	ARN          pulumi.StringOutput
	LogGroupName pulumi.StringOutput // in the web ACL's region
}

type webACL struct {
	pulumi.CustomResourceState

	Arn pulumi.StringOutput `pulumi:"arn"`
}

type loggingConfiguration struct{ pulumi.CustomResourceState }

type association struct{ pulumi.CustomResourceState }

// New registers a web ACL named name, which is the name of its metric too.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*WebACL, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("web ACL %q: %w", name, err)
	}
	w := &WebACL{}
	if err := ctx.RegisterComponentResourceV2(Type, name, pulumi.Map{
		"scope": pulumi.String(args.Scope), "rateLimit": pulumi.Int(args.RateLimit),
	}, w, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", Type, name, err)
	}
	child := pulumi.Parent(w)

	acl := &webACL{}
	if err := register(ctx, "aws:wafv2/webAcl:WebAcl", name, pulumi.Map{
		"scope":            pulumi.String(args.Scope),
		"defaultAction":    pulumi.Map{"allow": pulumi.Map{}},
		"rules":            render(rules(args.RateLimit)),
		"visibilityConfig": visibility(name),
	}, acl, child); err != nil {
		return nil, fmt.Errorf("creating web ACL %q: %w", name, err)
	}
	group, err := logTo(ctx, name, args, acl, child)
	if err != nil {
		return nil, err
	}

	w.Name, w.ARN, w.LogGroupName = name, acl.Arn, group.Name
	if err := ctx.RegisterResourceOutputs(w, pulumi.Map{
		"arn": w.ARN, "logGroupName": w.LogGroupName,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of web ACL %q: %w", name, err)
	}
	return w, nil
}

// logTo logs the requests that a rule blocked or counted to a log group of its own, but
// for the headers that carry credentials. What is allowed is in the access logs. The resource policy that lets AWS deliver the log is
// written by AWS when the logging starts.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-CWL.html
func logTo(
	ctx *pulumi.Context, name string, args *Args, acl *webACL, child pulumi.ResourceOption,
) (*cloudwatch.LogGroup, error) {
	group, err := cloudwatch.NewLogGroup(ctx, name+"-log", &cloudwatch.LogGroupArgs{
		Name:            pulumi.String(logGroupPrefix + args.LogGroupName),
		RetentionInDays: pulumi.Int(args.LogRetentionDays), KmsKeyId: args.LogKeyARN,
	}, child)
	if err != nil {
		return nil, fmt.Errorf("creating log group of web ACL %q: %w", name, err)
	}
	header := func(name string) pulumi.Map {
		return pulumi.Map{"singleHeader": pulumi.Map{"name": pulumi.String(name)}}
	}
	action := func(name string) pulumi.Map {
		return pulumi.Map{"actionCondition": pulumi.Map{"action": pulumi.String(name)}}
	}
	if err := register(ctx, "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration", name+"-logging", pulumi.Map{
		"resourceArn":           acl.Arn,
		"logDestinationConfigs": pulumi.Array{group.Arn},
		"redactedFields":        pulumi.Array{header("authorization"), header("cookie")},
		"loggingFilter": pulumi.Map{"defaultBehavior": pulumi.String("DROP"), "filters": pulumi.Array{pulumi.Map{
			"behavior": pulumi.String("KEEP"), "requirement": pulumi.String("MEETS_ANY"),
			"conditions": pulumi.Array{action("BLOCK"), action("COUNT"), action("EXCLUDED_AS_COUNT")},
		}}},
	}, &loggingConfiguration{}, child); err != nil {
		return nil, fmt.Errorf("creating logging of web ACL %q: %w", name, err)
	}
	return group, nil
}

// Associate registers the protection of a resource, such as a load balancer, by
// a [Regional] web ACL of the same region. A change of either ARN replaces it.
func Associate(
	ctx *pulumi.Context, name string, webACLArn, resourceArn pulumi.StringInput, opts ...pulumi.ResourceOption,
) error {
	if err := register(ctx, "aws:wafv2/webAclAssociation:WebAclAssociation", name, pulumi.Map{
		"webAclArn": webACLArn, "resourceArn": resourceArn,
	}, &association{}, opts...); err != nil {
		return fmt.Errorf("associating web ACL %q: %w", name, err)
	}
	return nil
}

func register(
	ctx *pulumi.Context, token, name string, props pulumi.Map,
	resource pulumi.CustomResource, opts ...pulumi.ResourceOption,
) error {
	return ctx.RegisterResource(token, name, props, resource,
		append([]pulumi.ResourceOption{pulumi.Version(version)}, opts...)...)
}
