package observability

import (
	"github.com/ferg-cod3s/codeflow-infrastructure/components/key"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// publisher is a service that publishes to a topic.
type publisher struct {
	sid, service string
	// ofAccount: the service says whose resource it publishes for, so that other
	// accounts' can be refused.
	ofAccount bool
	// source is the service in the ARNs that it publishes for, if AWS documents them.
	source string
}

// AWS documents conditions for two of the publishers only; with a condition on what a
// service does not send, it could not publish.
var (
	// https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns
	cloudWatch = publisher{sid: "CloudWatch", service: "cloudwatch.amazonaws.com", ofAccount: true}
	// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.GrantingPermissions.html
	databases = publisher{sid: "Database", service: "events.rds.amazonaws.com", ofAccount: true, source: "rds"}
	// https://repost.aws/knowledge-center/sns-not-getting-eventbridge-notification
	eventBridge = publisher{sid: "EventBridge", service: "events.amazonaws.com"}
	// https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-notifications.html
	backups = publisher{sid: "Backup", service: "backup.amazonaws.com"}

	// pagers publish to the topics of the levels, informers to the one of events.
	pagers    = []publisher{cloudWatch, eventBridge}
	informers = []publisher{databases, eventBridge, backups}
)

// publish are the statements of a topic's policy.
func publish(publishers []publisher, account string, topic any) (list []policy.Statement) {
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
	for _, p := range []publisher{cloudWatch, databases, eventBridge, backups} {
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
