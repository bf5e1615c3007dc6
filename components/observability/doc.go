// Package observability is what tells people, and the traffic controller, that
// something is wrong: alarms, the topics that carry them, and who is told when.
//
// # Tables
//
// Every alarm is a row of one table, the colours' in color_table.go and the
// platform's in platform_table.go. A row says what it measures, from when on it
// rings, what happens without data and why. The thresholds of the deployment
// guide are repeated in testdata/guide.json, and a test finds each in a row.
//
// # Names say who is blamed
//
// The traffic controller (ops) takes every alarm whose name begins with
// codeflow-<color>- and that rings, composite or not, as blame on the colour: it
// brings the traffic back. So only what should do that has such a name, the rows
// of severity guard and their composite codeflow-<color>-guard. Everything else
// is named codeflow-info-<color>-…, or codeflow-info-platform-<environment>-…
// when it is the platform's: a busy processor, clients that send nonsense or a database
// that both colours share do not get better by moving the traffic. "info" can
// therefore be no colour.
//
// The deployment alarms of components/ecsservice, codeflow-<color>-5xx and
// codeflow-<color>-unhealthy, are others: they count in minutes, to undo a
// deployment, where these measure rates that last.
//
// # Escalation
//
// The guide's three levels are people with a time to respond in: the on-call
// engineer 15 minutes, the team lead 30, the whole team 60. A level is told when
// the one before it has not answered in its time: the first at once, the second
// after 15 minutes, the third after 45. Composite alarms (…-page-1 to …-page-3)
// gather what pages, so that one incident is one message, and the later ones
// delay their actions by the wait period of action suppression: the suppressor
// is the alarm …-acknowledged, which an engineer makes ring for an hour with
//
//	aws cloudwatch put-metric-data --namespace CodeFlow --metric-name Acknowledged \
//	  --dimensions Alarms=codeflow-info-green --value 1
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-suppression.html
//
// # Encryption
//
// CloudWatch cannot publish to a topic that is encrypted with the managed key
// alias/aws/sns, because that key's policy does not admit it and cannot be
// changed: the alarm rings and nobody hears it. So the topics have a customer
// key, one per region, whose policy admits CloudWatch for alarms of this account.
// https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns
//
// Start with [NewPlatform] for the topics and [NewColor] for a colour.
package observability
