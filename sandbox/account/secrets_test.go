//go:build linux

package account_test

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/runtimetest"
)

// sdk is Secrets Manager as a task finds it.
func (w *world) sdk() *secretsmanager.Client {
	return secretsmanager.NewFromConfig(w.aws("codeflow-green-task"))
}

// value asks as a task does.
func (w *world) value(id string) (string, error) {
	answer, err := w.sdk().GetSecretValue(w.t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id})
	if err != nil {
		return "", err
	}
	return aws.ToString(answer.SecretString), nil
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir(), account.Options{TimeScale: fast})
	parameter := w.seed("ssm/parameter", in{"name": "/codeflow/token", "type": "SecureString", "value": "hidden"})
	secret := w.seed("secretsmanager/secret", in{"name": "codeflow/login"})
	const login = `{"user":"blue","port":5432}`
	w.seed("secretsmanager/secretVersion", in{"secretId": secret.ID, "secretString": login})
	plain := w.seed("secretsmanager/secret", in{"name": "codeflow/plain"})
	w.seed("secretsmanager/secretVersion", in{"secretId": plain.ID, "secretString": "plain"})
	without := w.seed("secretsmanager/secret", in{"name": "codeflow/empty"})
	const managed = "arn:aws:secretsmanager:" + region + ":000000000000:secret:rds!db-1-abcdef"

	for from, want := range map[string]string{
		"/codeflow/token": "hidden", text(parameter, "arn"): "hidden",
		secret.ID: login, secret.ID + ":::": login, secret.ID + ":user::": "blue", secret.ID + ":port::": "5432", plain.ID: "plain",
	} {
		got, err := w.ContainerSecret(from)
		require.NoError(t, err, from)
		assert.Equal(t, want, got, from)
	}
	for from, want := range map[string]string{
		"/codeflow/none": `ResourceNotFoundException: there is no secret or parameter "/codeflow/none"`, without.ID: "ResourceNotFoundException",
		managed: "ResourceNotFoundException", managed + ":password::": "ResourceNotFoundException",
		secret.ID + ":none::": `it has no key "none"`, plain.ID + ":user::": "it is no JSON object",
	} {
		_, err := w.ContainerSecret(from)
		assert.ErrorContains(t, err, want, from)
	}
	for _, id := range []string{"codeflow/login", secret.ID} {
		got, err := w.value(id)
		require.NoError(t, err)
		assert.JSONEq(t, login, got)
	}
	_, err := w.value(managed)
	var missing *types.ResourceNotFoundException
	require.ErrorAs(t, err, &missing)
	assert.Contains(t, missing.ErrorMessage(), managed)
	_, err = w.sdk().ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{})
	var refused smithy.APIError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "UnknownOperationException", refused.ErrorCode())
	assert.Contains(t, refused.ErrorMessage(), "secretsmanager:ListSecrets")
}

func TestSecretVersions(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir(), account.Options{TimeScale: fast})
	secret := w.seed("secretsmanager/secret", in{"name": "codeflow/tokens"})
	get := func(stage string) (string, error) {
		answer, err := w.sdk().GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &secret.ID, VersionStage: &stage})
		if err != nil {
			return "", err
		}
		return aws.ToString(answer.SecretString), nil
	}
	put := func(id, value string) error {
		_, err := w.sdk().PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &id, SecretString: &value})
		return err
	}
	is := func(stage, want string) {
		t.Helper()
		got, err := get(stage)
		require.NoError(t, err)
		assert.Equal(t, want, got, stage)
	}
	_, err := get("AWSCURRENT")
	require.ErrorContains(t, err, "ResourceNotFoundException")
	require.NoError(t, put("codeflow/tokens", "one"))
	is("AWSCURRENT", "one")
	_, err = get("AWSPREVIOUS")
	require.ErrorContains(t, err, "with a value for AWSPREVIOUS")
	_, err = get("AWSPENDING")
	require.ErrorContains(t, err, "with a value for AWSPENDING")
	require.NoError(t, put(secret.ID, "two"))
	w = w.reopen()
	is("AWSCURRENT", "two")
	is("AWSPREVIOUS", "one")
	require.ErrorContains(t, put("codeflow/none", "x"), "ResourceNotFoundException")
	now, err := w.ContainerSecret(secret.ID)
	require.NoError(t, err)
	assert.Equal(t, "two", now)
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	dir := passable(t)
	w := open(t, dir, account.Options{TimeScale: fast})
	database := w.database("codeflow")
	// As stacks/color.go has it.
	address := "postgresql://" + text(database, "address") + ":5432/codeflow?sslmode=verify-full"
	service := w.color("green", w.definition("green", runtimetest.Push(t), in{
		"environment": []in{{"name": "DATABASE_URL", "value": address}, {"name": "SECRET_ARN", "value": masterSecret(database)}},
		"secrets": []in{
			{"name": "PASSWORD", "valueFrom": masterSecret(database) + ":password::"},
			{"name": "URL", "valueFrom": text(w.seed("ssm/parameter", in{"name": "/codeflow/database/url", "type": "String", "value": address}), "arn")},
		},
	}), nil).service
	definition := text(service, "taskDefinition")
	require.False(t, w.deploy(service, definition, "").Failed)

	variables := func() map[string]string {
		all := map[string]string{}
		for _, v := range w.task(service).Environment {
			name, value, _ := strings.Cut(v, "=")
			all[name] = value
		}
		return all
	}
	now := variables()
	assert.Equal(t, masterSecret(database), now["SECRET_ARN"])
	login, err := w.value(now["SECRET_ARN"])
	require.NoError(t, err)
	assert.JSONEq(t, `{"engine":"postgres","username":"codeflow","password":"`+now["PASSWORD"]+`"}`, login)
	assert.Equal(t, "sslmode=disable", now["DATABASE_URL"][strings.Index(now["DATABASE_URL"], "?")+1:])
	assert.Equal(t, now["DATABASE_URL"], now["URL"])
	query := func(sql string) {
		t.Helper()
		conn, err := connect(t, variables())
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), sql)
		assert.NoError(t, errors.Join(err, conn.Close(context.Background())))
	}
	query("CREATE TABLE kept ()")
	require.NoError(t, w.SetFault("db-down", true))
	assert.Equal(t, []string{"db-down"}, w.status().Faults)
	_, err = connect(t, variables())
	require.ErrorContains(t, err, "SQLSTATE 57P03", "the endpoint is there, the database is not")
	require.NoError(t, w.SetFault("db-down", false))
	assert.Empty(t, w.status().Faults)
	query("SELECT * FROM kept")

	w = w.reopen()
	w.steady(service)
	require.NoError(t, w.Start(t.Context()))
	query("SELECT * FROM kept")
	now = variables()
	assert.Equal(t, []string{"postgres://codeflow@" + strings.TrimPrefix(now["DATABASE_URL"], "postgresql://")}, slices.Collect(maps.Values(w.status().Databases)))
	require.NoError(t, w.Cloud.Forget(database))
	_, err = connect(t, now)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	assert.Empty(t, w.status().Databases)
	left, err := os.ReadDir(filepath.Join(dir, "runtime", "databases"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// connect connects to the database as a task would.
func connect(t *testing.T, variables map[string]string) (*pgx.Conn, error) {
	t.Helper()
	u, err := url.Parse(variables["DATABASE_URL"])
	require.NoError(t, err)
	u.User = url.UserPassword("codeflow", variables["PASSWORD"])
	return pgx.Connect(t.Context(), u.String())
}
