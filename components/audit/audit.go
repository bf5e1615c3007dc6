package audit

import (
	"fmt"
	"maps"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudtrail"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/key"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// Type is the component's type token.
const Type = "codeflow:audit:Trail"

// Trail is a trail with its bucket and key.
type Trail struct {
	pulumi.ResourceState

	ARN        pulumi.StringOutput
	BucketName pulumi.StringOutput
	KeyARN     pulumi.StringOutput // who reads the files needs kms:Decrypt
	// LogGroupName has the same events for some time, for metric filters.
	LogGroupName pulumi.StringOutput
}

// New registers a trail named name.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Trail, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("audit trail %q: %w", name, err)
	}
	t := &Trail{}
	if err := ctx.RegisterComponentResourceV2(Type, name, pulumi.Map{
		"lockDays": pulumi.Int(args.LockDays), "retentionDays": pulumi.Int(args.RetentionDays),
	}, t, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", Type, name, err)
	}
	child := pulumi.Parent(t)
	from, err := source(ctx, args.Names.Trail(), child)
	if err != nil {
		return nil, fmt.Errorf("audit trail %q: %w", name, err)
	}
	encryption, err := key.New(ctx, name+"-key", &key.Args{
		Account: from.account, Description: "Audit trail " + args.Names.Trail(), Admit: from.keyStatements(),
	}, child)
	if err != nil {
		return nil, err
	}
	access, err := newBucket(ctx, name, args, from, child)
	if err != nil {
		return nil, err
	}
	log, writer, err := newLog(ctx, name, args, from, child)
	if err != nil {
		return nil, fmt.Errorf("creating log of audit trail %q: %w", name, err)
	}
	trail, err := cloudtrail.NewTrail(ctx, name, &cloudtrail.TrailArgs{
		Name: pulumi.String(args.Names.Trail()), S3BucketName: access.Bucket, KmsKeyId: encryption.Arn,
		IsMultiRegionTrail: pulumi.Bool(true), IncludeGlobalServiceEvents: pulumi.Bool(true),
		EnableLogFileValidation: pulumi.Bool(true), EventSelectors: selectors(args.DataBucketARNs),
		CloudWatchLogsGroupArn: pulumi.Sprintf("%s:*", log.Arn), CloudWatchLogsRoleArn: writer.role.Arn,
	}, child, pulumi.DependsOn([]pulumi.Resource{access, writer.can}))
	if err != nil {
		return nil, fmt.Errorf("creating trail %q: %w", args.Names.Trail(), err)
	}

	t.ARN, t.BucketName, t.KeyARN, t.LogGroupName = trail.Arn, access.Bucket, encryption.Arn, log.Name
	if err := ctx.RegisterResourceOutputs(t, pulumi.Map{
		"arn": t.ARN, "bucketName": t.BucketName, "keyArn": t.KeyARN,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of audit trail %q: %w", name, err)
	}
	return t, nil
}

// selectors are all management events, which are the default without data events.
func selectors(buckets []pulumi.StringInput) cloudtrail.TrailEventSelectorArray {
	if len(buckets) == 0 {
		return nil
	}
	var objects pulumi.StringArray
	for _, arn := range buckets {
		objects = append(objects, pulumi.Sprintf("%s/", arn)) // every object
	}
	return cloudtrail.TrailEventSelectorArray{
		&cloudtrail.TrailEventSelectorArgs{
			IncludeManagementEvents: pulumi.Bool(true), ReadWriteType: pulumi.String("All"),
		},
		&cloudtrail.TrailEventSelectorArgs{
			IncludeManagementEvents: pulumi.Bool(false), ReadWriteType: pulumi.String("WriteOnly"),
			DataResources: cloudtrail.TrailEventSelectorDataResourceArray{&cloudtrail.TrailEventSelectorDataResourceArgs{
				Type: pulumi.String("AWS::S3::Object"), Values: objects,
			}},
		},
	}
}

// trailSource says who a request comes from: CloudTrail, for this trail.
type trailSource struct{ account, arn string }

func source(ctx *pulumi.Context, trail string, opts ...pulumi.InvokeOption) (*trailSource, error) {
	identity, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{}, opts...)
	if err != nil {
		return nil, fmt.Errorf("reading the account: %w", err)
	}
	region, err := aws.GetRegion(ctx, &aws.GetRegionArgs{}, opts...)
	if err != nil {
		return nil, fmt.Errorf("reading the region: %w", err)
	}
	return &trailSource{
		account: identity.AccountId,
		arn:     "arn:*:cloudtrail:" + region.Name + ":" + identity.AccountId + ":trail/" + trail,
	}, nil
}

// admit lets the trail do something.
func (s *trailSource) admit(sid, action string, resource any, conditions map[string]map[string]any) policy.Statement {
	all := map[string]map[string]any{"ArnEquals": {"aws:SourceArn": s.arn}}
	maps.Copy(all, conditions)
	return policy.Statement{
		Sid: sid, Actions: []string{action}, Resources: []any{resource}, Conditions: all,
		Principals: map[string]any{"Service": "cloudtrail.amazonaws.com"},
	}
}

// keyStatements let the trail encrypt its files.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
func (s *trailSource) keyStatements() []policy.Statement {
	return []policy.Statement{
		s.admit("Encrypt", "kms:GenerateDataKey*", "*", map[string]map[string]any{
			"ArnLike": {"kms:EncryptionContext:aws:cloudtrail:arn": s.arn},
		}),
		s.admit("Describe", "kms:DescribeKey", "*", nil),
	}
}
