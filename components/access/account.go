package access

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/accessanalyzer"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// AccountType is the type token of [Account].
const AccountType = "codeflow:access:Account"

// AccountArgs configures an [Account].
type AccountArgs struct {
	// Project starts the analyzer's name. Required; a change replaces it.
	Project string
}

// Account is what belongs to the account as a whole.
type Account struct {
	pulumi.ResourceState

	AnalyzerARN pulumi.StringOutput // reports what others can use
}

// NewAccount registers the settings of the account, named name. An account has one
// policy for passwords, and an analyzer in each region that is watched.
func NewAccount(ctx *pulumi.Context, name string, args *AccountArgs, opts ...pulumi.ResourceOption) (*Account, error) {
	if err := checkNames(args.Project); err != nil {
		return nil, fmt.Errorf("account %q: %w", name, err)
	}
	a := &Account{}
	if err := ctx.RegisterComponentResourceV2(AccountType, name, pulumi.Map{
		"project": pulumi.String(args.Project),
	}, a, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", AccountType, name, err)
	}
	// Length, kinds of characters, reuse and expiry: IAM.7, IAM.10 to IAM.17 of
	// https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html,
	// which are CIS's figures (CIS AWS Foundations v1.2.0 1.5 to 1.11).
	if _, err := iam.NewAccountPasswordPolicy(ctx, name+"-passwords", &iam.AccountPasswordPolicyArgs{
		MinimumPasswordLength: pulumi.Int(14), PasswordReusePrevention: pulumi.Int(24), MaxPasswordAge: pulumi.Int(90),
		RequireLowercaseCharacters: pulumi.Bool(true), RequireUppercaseCharacters: pulumi.Bool(true),
		RequireNumbers: pulumi.Bool(true), RequireSymbols: pulumi.Bool(true),
		AllowUsersToChangePassword: pulumi.Bool(true),
	}, pulumi.Parent(a)); err != nil {
		return nil, fmt.Errorf("creating password policy of account %q: %w", name, err)
	}
	analyzer, err := accessanalyzer.NewAnalyzer(ctx, name+"-analyzer", &accessanalyzer.AnalyzerArgs{
		AnalyzerName: pulumi.String(args.Project + "-access"),
		Type:         pulumi.String("ACCOUNT"),
	}, pulumi.Parent(a))
	if err != nil {
		return nil, fmt.Errorf("creating access analyzer of account %q: %w", name, err)
	}
	a.AnalyzerARN = analyzer.Arn
	if err := ctx.RegisterResourceOutputs(a, pulumi.Map{"analyzerArn": a.AnalyzerARN}); err != nil {
		return nil, fmt.Errorf("registering outputs of account %q: %w", name, err)
	}
	return a, nil
}
