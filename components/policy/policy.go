// Package policy writes IAM policy documents from typed statements whose
// values may still be outputs.
package policy

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// version is the policy language that supports policy variables.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
const version = "2012-10-17"

// Statement is one statement of a policy document. Effect defaults to Allow.
// Resources, principals and condition values may be strings or string outputs.
type Statement struct {
	Sid        string
	Effect     string
	Actions    []string
	Resources  []any                     // ARNs; empty in trust policies
	Principals map[string]any            // "Service" or "AWS" → one value or a list; empty in identity policies
	Conditions map[string]map[string]any // operator → key → value or list
}

// Document returns the JSON of a policy with the statements, in their order.
func Document(statements ...Statement) pulumi.StringOutput {
	list := make([]any, len(statements))
	for i, s := range statements {
		list[i] = s.fields()
	}
	return pulumi.JSONMarshal(map[string]any{"Version": version, "Statement": list})
}

// AssumeRole returns the trust policy of a role that the AWS service (for
// example "ecs-tasks.amazonaws.com") may assume. Conditions keep the service
// from acting for another account's resources (the confused deputy).
func AssumeRole(service string, conditions map[string]map[string]any) pulumi.StringOutput {
	return Document(Statement{
		Actions:    []string{"sts:AssumeRole"},
		Principals: map[string]any{"Service": service},
		Conditions: conditions,
	})
}

// TLSOnly denies every request without TLS, of a bucket's policy.
func TLSOnly(bucketARN pulumi.StringOutput) Statement {
	return Statement{
		Sid: "TLSOnly", Effect: "Deny", Actions: []string{"s3:*"},
		Resources:  []any{bucketARN, pulumi.Sprintf("%s/*", bucketARN)},
		Principals: map[string]any{"AWS": "*"},
		Conditions: map[string]map[string]any{"Bool": {"aws:SecureTransport": "false"}},
	}
}

func (s Statement) fields() map[string]any {
	f := map[string]any{"Effect": "Allow", "Action": s.Actions}
	if s.Effect != "" {
		f["Effect"] = s.Effect
	}
	if s.Sid != "" {
		f["Sid"] = s.Sid
	}
	if len(s.Resources) > 0 {
		f["Resource"] = s.Resources
	}
	if len(s.Principals) > 0 {
		f["Principal"] = s.Principals
	}
	if len(s.Conditions) > 0 {
		f["Condition"] = s.Conditions
	}
	return f
}

// Replicate lets S3 copy the objects of a bucket to another, but not the deletions.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
func Replicate(source, replica pulumi.StringOutput) []Statement {
	return []Statement{
		{Actions: []string{"s3:GetReplicationConfiguration", "s3:ListBucket"}, Resources: []any{source}},
		{
			Actions:   []string{"s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging"},
			Resources: []any{pulumi.Sprintf("%s/*", source)},
		},
		{Actions: []string{"s3:ReplicateObject", "s3:ReplicateTags"}, Resources: []any{pulumi.Sprintf("%s/*", replica)}},
	}
}
