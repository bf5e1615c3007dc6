// Package key makes customer managed KMS keys whose policies name each service
// that may use them.
package key

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// Args configures a key.
type Args struct {
	// Account is the id of the account that owns the key and may change its policy.
	// Required; updates in place.
	Account string
	// Description says what the key encrypts. Required; updates in place.
	Description string
	// Admit are the statements besides the account's own. Updates in place.
	Admit []policy.Statement
}

// New registers a key named name, which AWS rotates every year.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*kms.Key, error) {
	if args.Account == "" || args.Description == "" {
		return nil, fmt.Errorf("key %q: Account and Description are required", name)
	}
	// A key's policy is all there is: without the account nobody could change it.
	owner := policy.Statement{
		Sid: "Account", Actions: []string{"kms:*"}, Resources: []any{"*"}, Principals: map[string]any{"AWS": args.Account},
	}
	created, err := kms.NewKey(ctx, name, &kms.KeyArgs{
		Description: pulumi.String(args.Description), EnableKeyRotation: pulumi.Bool(true),
		Policy: policy.Document(append([]policy.Statement{owner}, args.Admit...)...),
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating key %q: %w", name, err)
	}
	return created, nil
}

// Publisher lets a service encrypt what it sends, under conditions or none.
func Publisher(sid, service string, conditions map[string]map[string]any) policy.Statement {
	return policy.Statement{
		Sid: sid, Actions: []string{"kms:Decrypt", "kms:GenerateDataKey*"}, Resources: []any{"*"},
		Principals: map[string]any{"Service": service}, Conditions: conditions,
	}
}

// Logs lets CloudWatch Logs of a region encrypt the log groups of this account.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
func Logs(region, account string) policy.Statement {
	return policy.Statement{
		Sid:        "Logs",
		Actions:    []string{"kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"},
		Resources:  []any{"*"},
		Principals: map[string]any{"Service": "logs." + region + ".amazonaws.com"},
		Conditions: map[string]map[string]any{"ArnLike": {
			"kms:EncryptionContext:aws:logs:arn": "arn:*:logs:" + region + ":" + account + ":log-group:*",
		}},
	}
}
