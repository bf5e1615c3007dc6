package observability

import (
	"github.com/ferg-cod3s/codeflow-infrastructure/components/key"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// publisher is a service that publishes to the topics.
type publisher struct {
	sid, service string
	// ofAccount: the service says whose resource it publishes for, so that other
	// accounts' can be refused.
	ofAccount bool
	// source is the service in the ARNs that it publishes for, if AWS documents them.
	source string
}

// publishers are all who may publish. AWS documents conditions for two of them
// only; with a condition on what a service does not send, it could not publish.
var publishers = []publisher{
	// https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns
	{sid: "CloudWatch", service: "cloudwatch.amazonaws.com", ofAccount: true},
	// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.GrantingPermissions.html
	{sid: "Database", service: "events.rds.amazonaws.com", ofAccount: true, source: "rds"},
	// https://repost.aws/knowledge-center/sns-not-getting-eventbridge-notification
	{sid: "EventBridge", service: "events.amazonaws.com"},
	// https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-notifications.html
	{sid: "Backup", service: "backup.amazonaws.com"},
}

// publish are the statements of a topic's policy.
func publish(account string, topic any) (list []policy.Statement) {
	for _, p := range publishers {
		s := policy.Statement{
			Sid: p.sid, Actions: []string{"sns:Publish"}, Resources: []any{topic}, Principals: map[string]any{"Service": p.service},
			Conditions: p.conditions(account),
		}
		if p.source != "" {
			s.Conditions["ArnLike"] = map[string]any{"aws:SourceArn": "arn:*:" + p.source + ":*:" + account + ":*"}
		}
		list = append(list, s)
	}
	return list
}

// encrypt are the statements of the policy of the topics' key.
func encrypt(account string) (list []policy.Statement) {
	for _, p := range publishers {
		list = append(list, key.Publisher(p.sid, p.service, p.conditions(account)))
	}
	return list
}

func (p *publisher) conditions(account string) map[string]map[string]any {
	if !p.ofAccount {
		return nil
	}
	return map[string]map[string]any{"StringEquals": {"aws:SourceAccount": account}}
}
