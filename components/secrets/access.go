package secrets

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// readers are patterns of the ARNs of roles.
type readers struct{ tasks, operators []string }

func (a *Args) readers(account string) (r readers) {
	arn := func(role string) string { return "arn:*:iam::" + account + ":role/" + role }
	for _, color := range a.Colors {
		r.tasks = append(r.tasks, arn(naming.Color{Project: a.Names.Project, Color: color}.TaskRole()+"-*"))
	}
	for _, role := range a.Operators {
		r.operators = append(r.operators, arn(role))
	}
	return r
}

// all are those who may read.
func (r readers) all() []string { return append(append([]string{}, r.tasks...), r.operators...) }

// deny denies the actions on the resource that the policy is attached to.
func deny(sid string, actions []string, operator, conditionKey string, unless []string) policy.Statement {
	return policy.Statement{
		Sid: sid, Effect: "Deny", Actions: actions, Resources: []any{"*"}, Principals: map[string]any{"AWS": "*"},
		Conditions: map[string]map[string]any{operator: {conditionKey: unless}},
	}
}

// keyStatements are the key's policy besides that the account is in charge.
func (r readers) keyStatements(region string) []policy.Statement {
	read := []string{"kms:Decrypt", "kms:ReEncryptFrom"}
	return []policy.Statement{
		deny("Readers", read, "ArnNotLike", "aws:PrincipalArn", r.all()),
		deny("Services", read, "StringNotEquals", "kms:ViaService", via(region, "secretsmanager", "ssm")),
	}
}

// secretStatements are the policy of the tokens. It does not keep the account from
// changing it, so that nobody is locked out.
func (r readers) secretStatements() []policy.Statement {
	return []policy.Statement{
		deny("Readers", []string{"secretsmanager:GetSecretValue"}, "ArnNotLike", "aws:PrincipalArn", r.all()),
		deny("Writers", []string{
			"secretsmanager:PutSecretValue", "secretsmanager:UpdateSecret", "secretsmanager:UpdateSecretVersionStage",
		}, "ArnNotLike", "aws:PrincipalArn", r.operators),
	}
}

// via are values of kms:ViaService.
// https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
func via(region string, services ...string) (list []string) {
	for _, service := range services {
		list = append(list, service+"."+region+".amazonaws.com")
	}
	return list
}

// Access is what a colour's roles may read: ARNs, as the platform's outputs have
// them. All are required but TokensSecretARN.
type Access struct {
	Region                                          string
	KeyARN, SettingsARN, APIKeysARN, DatabaseURLARN pulumi.StringInput // of a [Store]
	// TokensSecretARN is a [Store]'s. Default: no tokens, for a colour that is public.
	TokensSecretARN pulumi.StringInput
	// MasterSecretARN and DatabaseKeyARN are the database's.
	MasterSecretARN, DatabaseKeyARN pulumi.StringInput
}

// Task are the statements of the task role, with which the server reads API keys
// and tokens while it runs.
func (a Access) Task() []policy.Statement {
	list := []policy.Statement{
		{
			Sid: "APIKeys", Actions: []string{"ssm:GetParameter", "ssm:GetParameters"},
			Resources: []any{pulumi.Sprintf("%s/*", a.APIKeysARN)},
		},
		a.decrypt("Key", a.KeyARN, "secretsmanager", "ssm"),
	}
	if a.TokensSecretARN != nil {
		list = append(list, policy.Statement{
			Sid: "Tokens", Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []any{a.TokensSecretARN},
		})
	}
	return list
}

// Execution are the statements of the execution role, with which ECS reads what it
// puts into the containers' environments: settings, the database's URL, and the
// master secret for the migrations.
func (a Access) Execution() []policy.Statement {
	return []policy.Statement{
		{
			Sid: "Settings", Actions: []string{"ssm:GetParameters"},
			Resources: []any{pulumi.Sprintf("%s/*", a.SettingsARN), a.DatabaseURLARN},
		},
		{Sid: "MasterSecret", Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []any{a.MasterSecretARN}},
		a.decrypt("DatabaseKey", a.DatabaseKeyARN, "secretsmanager"),
	}
}

func (a Access) decrypt(sid string, arn pulumi.StringInput, services ...string) policy.Statement {
	return policy.Statement{
		Sid: sid, Actions: []string{"kms:Decrypt"}, Resources: []any{arn},
		Conditions: map[string]map[string]any{"StringEquals": {"kms:ViaService": via(a.Region, services...)}},
	}
}
