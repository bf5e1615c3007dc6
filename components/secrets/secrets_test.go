// These tests do not prove that IAM evaluates the policies as meant, nor that
// AWS delivers the reminder.
package secrets_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/secrets"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

const (
	parameter = "aws:ssm/parameter:Parameter"
	apiKey    = "sk-not-to-be-seen"
	arn       = "arn:aws:ssm:eu-central-1:123456789012:parameter"
)

func newRecorder() *recorder.Recorder {
	return &recorder.Recorder{
		Calls: map[string]func(resource.PropertyMap) (resource.PropertyMap, error){
			"aws:index/getCallerIdentity:getCallerIdentity": func(resource.PropertyMap) (resource.PropertyMap, error) {
				return resource.PropertyMap{"accountId": resource.NewProperty(recorder.Account)}, nil
			},
		},
		Outputs: map[string]resource.PropertyMap{parameter: {"arn": resource.NewProperty(arn + "/codeflow/prod/database/url")}},
	}
}

// example has everything; change may be nil.
func example(change func(*secrets.Args)) *secrets.Args {
	args := &secrets.Args{
		Names: naming.Platform{Project: "codeflow", Environment: "prod"}, Region: "eu-central-1",
		Colors: []string{"blue", "green"}, Operators: []string{"codeflow-deploy-*"},
		Settings:         map[string]string{"log-level": "info"},
		APIKeys:          map[string]pulumi.StringInput{"openai": pulumi.String(apiKey)}, // plain, by mistake
		DatabaseURL:      pulumi.String("postgresql://codeflow_server@db.example.com:5432/codeflow?sslmode=verify-full"),
		ReminderTopicARN: pulumi.String("arn:aws:sns:eu-central-1:123456789012:on-call"),
	}
	if change != nil {
		change(args)
	}
	return args
}

func program(change func(*secrets.Args), opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := secrets.New(ctx, "secrets", example(change), opts...)
		return err
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(nil))
	assert.Equal(t, []string{
		"/codeflow:secrets:Store secrets",
		"secrets/aws:cloudwatch/eventRule:EventRule secrets-reminder",
		"secrets/aws:cloudwatch/eventTarget:EventTarget secrets-reminder-topic",
		"secrets/aws:kms/key:Key secrets-key",
		"secrets/aws:secretsmanager/secret:Secret secrets-tokens",
		"secrets/aws:secretsmanager/secretPolicy:SecretPolicy secrets-tokens-policy",
		"secrets/aws:ssm/parameter:Parameter secrets-api-key-openai",
		"secrets/aws:ssm/parameter:Parameter secrets-config-log-level",
		"secrets/aws:ssm/parameter:Parameter secrets-database-url",
	}, r.Children())

	const keyARN = "arn:aws:kms:eu-central-1:123456789012:secrets-key"
	for child, want := range map[string]map[string]any{
		"secrets-config-log-level": {"name": "/codeflow/prod/config/log-level", "type": "String", "insecureValue": "info", "value": nil, "keyId": nil},
		"secrets-api-key-openai":   {"name": "/codeflow/prod/api-keys/openai", "type": "SecureString", "insecureValue": nil, "keyId": keyARN},
		"secrets-database-url": {
			"name": "/codeflow/prod/database/url", "type": "String", "value": nil,
			"insecureValue": "postgresql://codeflow_server@db.example.com:5432/codeflow?sslmode=verify-full",
		},
	} {
		for path, value := range want {
			assert.Equal(t, value, r.Get(t, parameter, child).In(path), "%s %s", child, path)
		}
	}
	tokens := r.Get(t, "aws:secretsmanager/secret:Secret", "secrets-tokens")
	assert.Equal(t, "codeflow/prod/tokens", tokens.In("name"))
	assert.Equal(t, keyARN, tokens.In("kmsKeyId"))
	assert.EqualValues(t, 30, tokens.In("recoveryWindowInDays"))

	assert.Equal(t, "cron(0 9 1 1,4,7,10 ? *)", r.Get(t, "aws:cloudwatch/eventRule:EventRule", "secrets-reminder").In("scheduleExpression"))
	target := r.Get(t, "aws:cloudwatch/eventTarget:EventTarget", "secrets-reminder-topic")
	assert.Equal(t, "arn:aws:sns:eu-central-1:123456789012:on-call", target.In("arn"))
	assert.Contains(t, target.In("input"), `"Rotate the API keys in /codeflow/prod/api-keys: `)
}

// A plain API key is a secret to the engine, and nowhere else.
func TestAPIKeysAreSecret(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(nil))
	registered := r.Get(t, parameter, "secrets-api-key-openai")
	assert.Contains(t, registered.RPC.GetAdditionalSecretOutputs(), "value")
	for _, res := range r.Resources() {
		for property, value := range res.Inputs {
			if res.Name == registered.Name && property == "value" {
				require.True(t, value.IsSecret())
				assert.Equal(t, apiKey, value.SecretValue().Element.StringValue())
				continue
			}
			assert.NotContains(t, value.String(), apiKey, "%s %s", res.Name, property)
		}
	}
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(nil))
	const readers = `"arn:*:iam::123456789012:role/codeflow-blue-task-*","arn:*:iam::123456789012:role/codeflow-green-task-*",
		"arn:*:iam::123456789012:role/codeflow-deploy-*"`
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[
		{"Sid":"Account","Effect":"Allow","Action":["kms:*"],"Resource":["*"],"Principal":{"AWS":"123456789012"}},
		{"Sid":"Readers","Effect":"Deny","Action":["kms:Decrypt","kms:ReEncryptFrom"],"Resource":["*"],"Principal":{"AWS":"*"},
		 "Condition":{"ArnNotLike":{"aws:PrincipalArn":[`+readers+`]}}},
		{"Sid":"Services","Effect":"Deny","Action":["kms:Decrypt","kms:ReEncryptFrom"],"Resource":["*"],"Principal":{"AWS":"*"},
		 "Condition":{"StringNotEquals":{"kms:ViaService":["secretsmanager.eu-central-1.amazonaws.com","ssm.eu-central-1.amazonaws.com"]}}}]}`,
		r.Get(t, "aws:kms/key:Key", "secrets-key").In("policy").(string))

	guard := r.Get(t, "aws:secretsmanager/secretPolicy:SecretPolicy", "secrets-tokens-policy")
	assert.Equal(t, true, guard.In("blockPublicPolicy"))
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[
		{"Sid":"Readers","Effect":"Deny","Action":["secretsmanager:GetSecretValue"],"Resource":["*"],"Principal":{"AWS":"*"},
		 "Condition":{"ArnNotLike":{"aws:PrincipalArn":[`+readers+`]}}},
		{"Sid":"Writers","Effect":"Deny","Resource":["*"],"Principal":{"AWS":"*"},
		 "Action":["secretsmanager:PutSecretValue","secretsmanager:UpdateSecret","secretsmanager:UpdateSecretVersionStage"],
		 "Condition":{"ArnNotLike":{"aws:PrincipalArn":["arn:*:iam::123456789012:role/codeflow-deploy-*"]}}}]}`,
		guard.In("policy").(string))
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	require.NoError(t, newRecorder().Run(false, func(ctx *pulumi.Context) error {
		s, err := secrets.New(ctx, "secrets", example(nil))
		if err != nil {
			return err
		}
		ctx.Export("checked", pulumi.All(s.SettingsARN, s.APIKeysARN, s.DatabaseURLARN, s.TokensSecretARN).ApplyT(func(all []any) string {
			assert.Equal(t, []any{
				arn + "/codeflow/prod/config", arn + "/codeflow/prod/api-keys", arn + "/codeflow/prod/database/url",
				"arn:aws:secretsmanager:eu-central-1:123456789012:secrets-tokens",
			}, all)
			return ""
		}))
		return nil
	}))
}

// What is optional is left out.
func TestLeast(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, program(func(a *secrets.Args) { a.Settings, a.APIKeys, a.ReminderTopicARN, a.ForceDelete = nil, nil, nil, true }))
	assert.Equal(t, 1, r.Count()[parameter])
	assert.Zero(t, r.Count()["aws:cloudwatch/eventRule:EventRule"])
	assert.EqualValues(t, 0, r.Get(t, "aws:secretsmanager/secret:Secret", "secrets-tokens").In("recoveryWindowInDays"))
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	plain := func(url string) func(*secrets.Args) {
		return func(a *secrets.Args) { a.DatabaseURL = pulumi.String(url) }
	}
	for name, c := range map[string]struct {
		change func(*secrets.Args)
		want   string
	}{
		"no names":         {func(a *secrets.Args) { a.Names = naming.Platform{} }, `name part ""`},
		"no region":        {func(a *secrets.Args) { a.Region = "" }, "Region and DatabaseURL are required"},
		"no URL":           {func(a *secrets.Args) { a.DatabaseURL = nil }, "Region and DatabaseURL are required"},
		"no colours":       {func(a *secrets.Args) { a.Colors = nil }, "Colors and Operators are required"},
		"colour":           {func(a *secrets.Args) { a.Colors = []string{"*"} }, `name part "*"`},
		"no operators":     {func(a *secrets.Args) { a.Operators = nil }, "Colors and Operators are required"},
		"everybody":        {func(a *secrets.Args) { a.Operators = []string{"*"} }, `Operators[0] must be the name of a role that begins with a letter`},
		"setting name":     {func(a *secrets.Args) { a.Settings = map[string]string{"LOG": "hidden"} }, `Settings: name "LOG" must be lower-case`},
		"empty setting":    {func(a *secrets.Args) { a.Settings = map[string]string{"log": ""} }, `Settings["log"] must have a value`},
		"API key's name":   {func(a *secrets.Args) { a.APIKeys["a/b"] = pulumi.String("hidden") }, `APIKeys: name "a/b" must be lower-case`},
		"no API key":       {func(a *secrets.Args) { a.APIKeys["openai"] = nil }, `APIKeys["openai"] must have a value`},
		"empty API key":    {func(a *secrets.Args) { a.APIKeys["openai"] = pulumi.String("\n") }, `APIKeys["openai"] must have a value`},
		"recovery":         {func(a *secrets.Args) { a.RecoveryDays = 6 }, "RecoveryDays must be 7 to 30, got 6: set ForceDelete"},
		"password":         {plain("postgresql://user:hidden@host:5432/db"), "DatabaseURL must have no password"},
		"empty password":   {plain("postgresql://user:@host:5432/db"), "DatabaseURL must have no password"},
		"parameter":        {plain("postgres://user@host/db?password=hidden"), "DatabaseURL must have no password"},
		"key's password":   {plain("postgres://user@host/db?sslpassword=hidden"), "DatabaseURL must have no password"},
		"broken parameter": {plain("postgres://user@host/db?a;password=hidden"), "DatabaseURL must have no password"},
		"no URL's form":    {plain("host=host password=hidden"), "DatabaseURL must be a URL like"},
		"broken URL":       {plain("postgres://user:hid%zzden@host/db"), "DatabaseURL must be a URL like"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := newRecorder().Run(false, program(c.change))
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "hidden")
			assert.NotContains(t, err.Error(), "hid%zzden")
		})
	}
}

func TestRefusedChildren(t *testing.T) {
	t.Parallel()
	newRecorder().RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc { return program(nil, opts...) })
	r := newRecorder()
	delete(r.Calls, "aws:index/getCallerIdentity:getCallerIdentity")
	assert.ErrorContains(t, r.Run(true, program(nil)), `reading the account of secrets "secrets"`)
}

var access = secrets.Access{
	Region: "eu-central-1", KeyARN: pulumi.String("arn:key"), SettingsARN: pulumi.String(arn + "/codeflow/prod/config"),
	APIKeysARN: pulumi.String(arn + "/codeflow/prod/api-keys"), DatabaseURLARN: pulumi.String(arn + "/codeflow/prod/database/url"),
	TokensSecretARN: pulumi.String("arn:tokens"), MasterSecretARN: pulumi.String("arn:master"), DatabaseKeyARN: pulumi.String("arn:database-key"),
}

func TestAccess(t *testing.T) {
	t.Parallel()
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[
		{"Sid":"APIKeys","Effect":"Allow","Action":["ssm:GetParameter","ssm:GetParameters"],"Resource":["`+arn+`/codeflow/prod/api-keys/*"]},
		{"Sid":"Key","Effect":"Allow","Action":["kms:Decrypt"],"Resource":["arn:key"],
		 "Condition":{"StringEquals":{"kms:ViaService":["secretsmanager.eu-central-1.amazonaws.com","ssm.eu-central-1.amazonaws.com"]}}},
		{"Sid":"Tokens","Effect":"Allow","Action":["secretsmanager:GetSecretValue"],"Resource":["arn:tokens"]}]}`, document(access.Task()))
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[
		{"Sid":"Settings","Effect":"Allow","Action":["ssm:GetParameters"],
		 "Resource":["`+arn+`/codeflow/prod/config/*","`+arn+`/codeflow/prod/database/url"]},
		{"Sid":"MasterSecret","Effect":"Allow","Action":["secretsmanager:GetSecretValue"],"Resource":["arn:master"]},
		{"Sid":"DatabaseKey","Effect":"Allow","Action":["kms:Decrypt"],"Resource":["arn:database-key"],
		 "Condition":{"StringEquals":{"kms:ViaService":["secretsmanager.eu-central-1.amazonaws.com"]}}}]}`, document(access.Execution()))

	public := access
	public.TokensSecretARN = nil
	assert.NotContains(t, document(public.Task()), "secretsmanager:GetSecretValue")
}

// Roles get no wildcard action, and no resource that is only one.
func TestAccessHasNoWildcards(t *testing.T) {
	t.Parallel()
	statements := append(access.Task(), access.Execution()...)
	require.Len(t, statements, 6)
	for _, s := range statements {
		for _, action := range s.Actions {
			assert.NotContains(t, action, "*", s.Sid)
		}
		assert.NotContains(t, s.Resources, any("*"), s.Sid)
		assert.NotEmpty(t, s.Resources, s.Sid)
	}
	for _, text := range []string{document(access.Task()), document(access.Execution())} {
		for rest := text; strings.Contains(rest, "*"); _, rest, _ = strings.Cut(rest, "*") {
			before, _, _ := strings.Cut(rest, "*")
			assert.Regexp(t, `"arn:aws:ssm:[^"]+/codeflow/prod/(api-keys|config)/$`, before)
		}
	}
}

func document(statements []policy.Statement) string {
	done := make(chan string, 1)
	policy.Document(statements...).ApplyT(func(text string) string { done <- text; return text })
	return <-done
}
