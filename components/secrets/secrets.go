package secrets

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/secretsmanager"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ssm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/key"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// Type is the component's type token.
const Type = "codeflow:secrets:Store"

// quarterly is nine o'clock UTC on the first day of each quarter.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html
const quarterly = "cron(0 9 1 1,4,7,10 ? *)"

// Store is the parameters and secrets of an environment.
type Store struct {
	pulumi.ResourceState

	KeyARN          pulumi.StringOutput // encrypts the API keys and the tokens
	SettingsARN     pulumi.StringOutput // how the settings' ARNs begin, without the last slash
	APIKeysARN      pulumi.StringOutput // the same of the API keys
	DatabaseURLARN  pulumi.StringOutput
	TokensSecretARN pulumi.StringOutput // known when its policy is there
}

// New registers the parameters and secrets of an environment under name.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Store, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("secrets %q: %w", name, err)
	}
	s := &Store{}
	if err := ctx.RegisterComponentResourceV2(Type, name, pulumi.Map{
		"path": pulumi.String(args.Names.Path()),
	}, s, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", Type, name, err)
	}
	identity, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{}, pulumi.Parent(s))
	if err != nil {
		return nil, fmt.Errorf("reading the account of secrets %q: %w", name, err)
	}
	readers := args.readers(identity.AccountId)
	created, err := key.New(ctx, name+"-key", &key.Args{
		Account: identity.AccountId, Description: "Parameters and secrets of " + args.Names.Path(),
		Admit: readers.keyStatements(args.Region),
	}, pulumi.Parent(s))
	if err != nil {
		return nil, err
	}
	s.KeyARN = created.Arn
	if err := s.parameters(ctx, name, args); err != nil {
		return nil, err
	}
	if err := s.tokens(ctx, name, args, created, readers); err != nil {
		return nil, err
	}
	if args.ReminderTopicARN != nil {
		if err := s.reminder(ctx, name, args); err != nil {
			return nil, err
		}
	}
	if err := ctx.RegisterResourceOutputs(s, pulumi.Map{
		"keyArn": s.KeyARN, "settingsArn": s.SettingsARN, "apiKeysArn": s.APIKeysARN,
		"databaseUrlArn": s.DatabaseURLARN, "tokensSecretArn": s.TokensSecretARN,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of secrets %q: %w", name, err)
	}
	return s, nil
}

func (s *Store) parameters(ctx *pulumi.Context, name string, args *Args) error {
	for _, setting := range slices.Sorted(maps.Keys(args.Settings)) {
		if _, err := s.plain(ctx, name+"-config-"+setting, args.Names.ConfigPath()+"/"+setting, pulumi.String(args.Settings[setting])); err != nil {
			return err
		}
	}
	for _, apiKey := range slices.Sorted(maps.Keys(args.APIKeys)) {
		value := args.APIKeys[apiKey].ToStringOutput().ApplyT(func(text string) (string, error) {
			return text, checkEntry("APIKeys", apiKey, strings.TrimSpace(text) != "")
		}).(pulumi.StringOutput)
		// The SDK makes the value a secret, as input and as output.
		if _, err := ssm.NewParameter(ctx, name+"-api-key-"+apiKey, &ssm.ParameterArgs{
			Name: pulumi.String(args.Names.APIKeyPath() + "/" + apiKey), Type: ssm.ParameterTypeSecureString,
			Value: value, KeyId: s.KeyARN,
		}, pulumi.Parent(s)); err != nil {
			return fmt.Errorf("creating parameter of API key %q: %w", apiKey, err)
		}
	}
	address := args.DatabaseURL.ToStringOutput().ApplyT(checkURL).(pulumi.StringOutput)
	parameter, err := s.plain(ctx, name+"-database-url", args.Names.DatabaseURL(), address)
	if err != nil {
		return err
	}
	under := func(path string) pulumi.StringOutput {
		return parameter.Arn.ApplyT(func(arn string) string {
			return strings.TrimSuffix(arn, args.Names.DatabaseURL()) + path
		}).(pulumi.StringOutput)
	}
	s.DatabaseURLARN = parameter.Arn
	s.SettingsARN, s.APIKeysARN = under(args.Names.ConfigPath()), under(args.Names.APIKeyPath())
	return nil
}

// plain registers a parameter whose value previews show.
func (s *Store) plain(ctx *pulumi.Context, name, path string, value pulumi.StringInput) (*ssm.Parameter, error) {
	parameter, err := ssm.NewParameter(ctx, name, &ssm.ParameterArgs{
		Name: pulumi.String(path), Type: ssm.ParameterTypeString, InsecureValue: value.ToStringOutput().ToStringPtrOutput(),
	}, pulumi.Parent(s))
	if err != nil {
		return nil, fmt.Errorf("creating parameter %q: %w", path, err)
	}
	return parameter, nil
}

// tokens registers the secret, which has no value until ops tokens writes one.
func (s *Store) tokens(ctx *pulumi.Context, name string, args *Args, encrypts *kms.Key, readers readers) error {
	days := args.RecoveryDays
	if args.ForceDelete {
		days = 0
	}
	secret, err := secretsmanager.NewSecret(ctx, name+"-tokens", &secretsmanager.SecretArgs{
		Name: pulumi.String(args.Names.TokensSecret()), KmsKeyId: encrypts.Arn, RecoveryWindowInDays: pulumi.Int(days),
		Description: pulumi.String("Hashes of the bearer tokens, written by ops tokens"),
	}, pulumi.Parent(s))
	if err != nil {
		return fmt.Errorf("creating secret %q: %w", args.Names.TokensSecret(), err)
	}
	guard, err := secretsmanager.NewSecretPolicy(ctx, name+"-tokens-policy", &secretsmanager.SecretPolicyArgs{
		SecretArn: secret.Arn, Policy: policy.Document(readers.secretStatements()...), BlockPublicPolicy: pulumi.Bool(true),
	}, pulumi.Parent(s))
	if err != nil {
		return fmt.Errorf("creating policy of secret %q: %w", args.Names.TokensSecret(), err)
	}
	s.TokensSecretARN = guard.SecretArn
	return nil
}

// reminder tells the topic every quarter to rotate the API keys.
func (s *Store) reminder(ctx *pulumi.Context, name string, args *Args) error {
	rule, err := cloudwatch.NewEventRule(ctx, name+"-reminder", &cloudwatch.EventRuleArgs{
		Description:        pulumi.String("Reminds of rotating the API keys of " + args.Names.Path()),
		ScheduleExpression: pulumi.String(quarterly),
	}, pulumi.Parent(s))
	if err != nil {
		return fmt.Errorf("creating reminder %q: %w", name, err)
	}
	text, err := json.Marshal(fmt.Sprintf("Rotate the API keys in %s: for each, make a new one at its provider, "+
		"pulumi config set --secret --path codeflow:apiKeys.<name>, pulumi up, and revoke the old one. See docs/secrets.md.",
		args.Names.APIKeyPath()))
	if err != nil {
		return fmt.Errorf("writing reminder %q: %w", name, err)
	}
	if _, err := cloudwatch.NewEventTarget(ctx, name+"-reminder-topic", &cloudwatch.EventTargetArgs{
		Rule: rule.Name, Arn: args.ReminderTopicARN, Input: pulumi.String(text),
	}, pulumi.Parent(s)); err != nil {
		return fmt.Errorf("creating target of reminder %q: %w", name, err)
	}
	return nil
}
