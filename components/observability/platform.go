package observability

import (
	"fmt"
	"slices"

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
	// Info is the ARN of the topic of events that are no alarms: a pager could not
	// read them.
	Info pulumi.StringOutput

	name   string
	region regional
}

// NewPlatform registers topics named name. The alarms come with [Platform.Watch],
// since what they watch may have to know the topics.
func NewPlatform(ctx *pulumi.Context, name string, args *PlatformArgs, opts ...pulumi.ResourceOption) (*Platform, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("alarms of platform %q: %w", name, err)
	}
	p := &Platform{name: name}
	if err := ctx.RegisterComponentResourceV2(PlatformType, name, pulumi.Map{
		"environment": pulumi.String(args.Names.Environment),
	}, p, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", PlatformType, name, err)
	}
	identity, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{}, pulumi.Parent(p))
	if err != nil {
		return nil, fmt.Errorf("reading the account of platform %q: %w", name, err)
	}
	p.region = regional{
		account: identity.AccountId, subscriptions: args.Subscriptions[:], key: args.KeyARN, opts: []pulumi.ResourceOption{pulumi.Parent(p)},
	}
	if p.Topics, err = p.region.topics(ctx, name); err != nil {
		return nil, err
	}
	if p.Info, err = p.region.topic(ctx, name+"-info", "CodeFlow events", informers, args.InfoSubscriptions); err != nil {
		return nil, err
	}
	if err := ctx.RegisterResourceOutputs(p, pulumi.Map{
		"topics": pulumi.ToStringArrayOutput(p.Topics), "info": p.Info,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of the alarms of platform %q: %w", name, err)
	}
	return p, nil
}

// Watch registers the alarms, dashboards and saved queries of what exists by now.
func (p *Platform) Watch(ctx *pulumi.Context, watched *Watched) error {
	if err := watched.validate(); err != nil {
		return fmt.Errorf("alarms of platform %q: %w", p.name, err)
	}
	if err := watched.newEvents(ctx, p.name, p.Info, p.region.opts...); err != nil {
		return err
	}
	if watched.AuditLogGroup != nil {
		if err := newFilters(ctx, p.name, auditFilters, watched.AuditLogGroup, p.region.opts...); err != nil {
			return err
		}
	}
	arns, err := p.region.alarms(ctx, p.name, watched.info(), watched.homeTable(), p.Topics)
	if err != nil {
		return err
	}
	if err := watched.newDashboards(ctx, p.name, arns, p.region.opts...); err != nil {
		return err
	}
	if watched.WebACLLogGroup != nil {
		if err := newQueries(ctx, p.name, watched.folder(), firewallQueries, watched.WebACLLogGroup, p.region.opts...); err != nil {
			return err
		}
	}
	rows := watched.usEast1Table()
	if rows == nil {
		return nil
	}
	// An alarm can publish only in its own region.
	there := p.region
	there.key, there.opts = watched.USEast1KeyARN, append(slices.Clone(there.opts), pulumi.Provider(watched.USEast1))
	topics, err := there.topics(ctx, p.name+"-cdn")
	if err != nil {
		return err
	}
	if _, err := there.alarms(ctx, p.name+"-cdn", watched.cdnInfo(), rows, topics); err != nil {
		return err
	}
	if watched.CDNWebACLLogGroup == nil {
		return nil
	}
	return newQueries(ctx, p.name+"-cdn", watched.folder()+"-cdn", firewallQueries, watched.CDNWebACLLogGroup, there.opts...)
}

// regional is what the platform has in a region.
type regional struct {
	account       string
	key           pulumi.StringInput // none: one of its own
	subscriptions [][]Subscription   // of each level
	opts          []pulumi.ResourceOption
}

// alarms registers alarms that tell the topics, and returns their ARNs.
func (r *regional) alarms(
	ctx *pulumi.Context, name string, names naming.Color, rows []alarm, topics []pulumi.StringOutput,
) (arns []pulumi.StringOutput, err error) {
	tell := channel{names: names, opts: r.opts}
	for _, arn := range topics {
		tell.topics = append(tell.topics, arn)
	}
	rung, err := tell.alarms(ctx, name, rows, func(a *alarm) string { return names.Alarm(a.name) })
	if err != nil {
		return nil, err
	}
	for _, s := range []severity{page, notify, acknowledge} {
		for _, r := range rung[s] {
			arns = append(arns, r.resource.Arn)
		}
	}
	// A rule must name an alarm: without one that pages there is nothing to escalate.
	if len(rung[page]) == 0 {
		return arns, nil
	}
	return arns, tell.pages(ctx, name, rung[page], rung[acknowledge][0])
}

// topics makes the topic of each level, with who is subscribed to it.
func (r *regional) topics(ctx *pulumi.Context, name string) (arns []pulumi.StringOutput, err error) {
	if err := r.encryption(ctx, name); err != nil {
		return nil, err
	}
	for i, l := range levels {
		arn, err := r.topic(ctx, fmt.Sprintf("%s-level-%d", name, i+1), fmt.Sprintf("CodeFlow alarms: respond within %d minutes", l.minutes),
			pagers, r.subscriptions[i])
		if err != nil {
			return nil, err
		}
		arns = append(arns, arn)
	}
	return arns, nil
}

// topic makes a topic that some services publish to. The ARN is that of the topic's
// policy: without one nobody may publish.
func (r *regional) topic(
	ctx *pulumi.Context, name, display string, publishers []publisher, subscribed []Subscription,
) (arn pulumi.StringOutput, err error) {
	topic, err := sns.NewTopic(ctx, name, &sns.TopicArgs{DisplayName: pulumi.String(display), KmsMasterKeyId: r.key}, r.opts...)
	if err != nil {
		return arn, fmt.Errorf("creating topic %q: %w", name, err)
	}
	admitted, err := sns.NewTopicPolicy(ctx, name, &sns.TopicPolicyArgs{
		Arn: topic.Arn, Policy: policy.Document(publish(publishers, r.account, topic.Arn)...),
	}, r.opts...)
	if err != nil {
		return arn, fmt.Errorf("creating policy of topic %q: %w", name, err)
	}
	for i, s := range subscribed {
		if _, err := sns.NewTopicSubscription(ctx, fmt.Sprintf("%s-%d", name, i+1), &sns.TopicSubscriptionArgs{
			Topic: topic.Arn, Protocol: pulumi.String(s.Protocol), Endpoint: s.Endpoint,
		}, r.opts...); err != nil {
			return arn, fmt.Errorf("subscribing number %d to topic %q: %w", i+1, name, err)
		}
	}
	return admitted.Arn, nil
}

// encryption makes a key that the publishers may use, unless one was given.
func (r *regional) encryption(ctx *pulumi.Context, name string) error {
	if r.key != nil {
		return nil
	}
	created, err := key.New(ctx, name+"-key", &key.Args{
		Account: r.account, Description: "Messages of the alarms " + name,
		Admit: encrypt(r.account),
	}, r.opts...)
	if err != nil {
		return err
	}
	r.key = created.Arn
	return nil
}
