package observability

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/key"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// PlatformType is the type token of a [Platform].
const PlatformType = "codeflow:observability:Platform"

// Platform is the topics of the escalation levels and the alarms of what both
// colours share.
type Platform struct {
	pulumi.ResourceState

	// Topics are the ARNs of the levels' topics in the platform's region.
	Topics []pulumi.StringOutput
}

// NewPlatform registers topics and alarms named name.
func NewPlatform(ctx *pulumi.Context, name string, args *PlatformArgs, opts ...pulumi.ResourceOption) (*Platform, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("alarms of platform %q: %w", name, err)
	}
	p := &Platform{}
	if err := ctx.RegisterComponentResourceV2(PlatformType, name, pulumi.Map{
		"environment": pulumi.String(args.Names.Environment),
	}, p, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", PlatformType, name, err)
	}
	identity, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{}, pulumi.Parent(p))
	if err != nil {
		return nil, fmt.Errorf("reading the account of platform %q: %w", name, err)
	}
	region := regional{account: identity.AccountId, subscriptions: args.Subscriptions[:]}
	region.key, region.opts = args.KeyARN, []pulumi.ResourceOption{pulumi.Parent(p)}
	topics, arns, err := region.alarms(ctx, name, args.info(), args.homeTable())
	if err != nil {
		return nil, err
	}
	if err := args.newDashboards(ctx, name, arns, region.opts...); err != nil {
		return nil, err
	}
	if args.WebACLLogGroup != nil {
		if err := newQueries(ctx, name, args.folder(), firewallQueries, args.WebACLLogGroup, region.opts...); err != nil {
			return nil, err
		}
	}
	if rows := args.usEast1Table(); rows != nil {
		// An alarm can publish only in its own region.
		region.key, region.opts = args.USEast1KeyARN, append(region.opts, pulumi.Provider(args.USEast1))
		if _, _, err := region.alarms(ctx, name+"-cdn", args.cdnInfo(), rows); err != nil {
			return nil, err
		}
		if args.CDNWebACLLogGroup != nil {
			if err := newQueries(ctx, name+"-cdn", args.folder()+"-cdn", firewallQueries, args.CDNWebACLLogGroup, region.opts...); err != nil {
				return nil, err
			}
		}
	}

	p.Topics = topics
	if err := ctx.RegisterResourceOutputs(p, pulumi.Map{"topics": pulumi.ToStringArrayOutput(topics)}); err != nil {
		return nil, fmt.Errorf("registering outputs of the alarms of platform %q: %w", name, err)
	}
	return p, nil
}

// regional is what the platform has in a region.
type regional struct {
	account       string
	key           pulumi.StringInput // none: one of its own
	subscriptions [][]Subscription   // of each level
	opts          []pulumi.ResourceOption
}

// alarms registers topics and alarms and returns the ARNs of both.
func (r *regional) alarms(
	ctx *pulumi.Context, name string, names naming.Color, rows []alarm,
) (topics, arns []pulumi.StringOutput, err error) {
	topics, err = r.topics(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	tell := channel{names: names, opts: r.opts}
	for _, arn := range topics {
		tell.topics = append(tell.topics, arn)
	}
	rung, err := tell.alarms(ctx, name, rows, func(a *alarm) string { return names.Alarm(a.name) })
	if err != nil {
		return nil, nil, err
	}
	for _, s := range []severity{page, notify, acknowledge} {
		for _, r := range rung[s] {
			arns = append(arns, r.resource.Arn)
		}
	}
	// A rule must name an alarm: without one that pages there is nothing to escalate.
	if len(rung[page]) == 0 {
		return topics, arns, nil
	}
	return topics, arns, tell.pages(ctx, name, rung[page], rung[acknowledge][0])
}

// topics makes the topic of each level, with who is subscribed to it. The ARNs
// are those of the topics' policies: without one nobody may publish.
func (r *regional) topics(ctx *pulumi.Context, name string) ([]pulumi.StringOutput, error) {
	encryption, err := r.encryption(ctx, name)
	if err != nil {
		return nil, err
	}
	var arns []pulumi.StringOutput
	for i, l := range levels {
		suffix := fmt.Sprintf("%s-level-%d", name, i+1)
		topic, err := sns.NewTopic(ctx, suffix, &sns.TopicArgs{
			DisplayName: pulumi.String(fmt.Sprintf("CodeFlow alarms: respond within %d minutes", l.minutes)), KmsMasterKeyId: encryption,
		}, r.opts...)
		if err != nil {
			return nil, fmt.Errorf("creating topic %q: %w", suffix, err)
		}
		admitted, err := sns.NewTopicPolicy(ctx, suffix, &sns.TopicPolicyArgs{
			Arn: topic.Arn, Policy: policy.Document(publish(r.account, topic.Arn)...),
		}, r.opts...)
		if err != nil {
			return nil, fmt.Errorf("creating policy of topic %q: %w", suffix, err)
		}
		for j, s := range r.subscriptions[i] {
			if _, err := sns.NewTopicSubscription(ctx, fmt.Sprintf("%s-%d", suffix, j+1), &sns.TopicSubscriptionArgs{
				Topic: topic.Arn, Protocol: pulumi.String(s.Protocol), Endpoint: s.Endpoint,
			}, r.opts...); err != nil {
				return nil, fmt.Errorf("subscribing number %d to topic %q: %w", j+1, suffix, err)
			}
		}
		arns = append(arns, admitted.Arn)
	}
	return arns, nil
}

// encryption is the key that was given or a new one, that the publishers may use.
func (r *regional) encryption(ctx *pulumi.Context, name string) (pulumi.StringInput, error) {
	if r.key != nil {
		return r.key, nil
	}
	created, err := key.New(ctx, name+"-key", &key.Args{
		Account: r.account, Description: "Messages of the alarms " + name,
		Admit: encrypt(r.account),
	}, r.opts...)
	if err != nil {
		return nil, err
	}
	return created.Arn, nil
}
