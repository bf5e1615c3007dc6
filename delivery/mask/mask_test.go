package mask_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/mask"
)

func TestText(t *testing.T) {
	t.Parallel()
	x := strings.Repeat("x", 40)
	for text, want := range map[string]string{
		"connect postgres://app:n0t-real-pw@db.internal/x refused": "connect postgres://app:[masked]@db.internal/x refused",
		"redis://:p4ss@cache":                                                "redis://:[masked]@cache",
		"the key sk-ant-api03-Zk3v9QZk3v9Q is refused":                       "the key [masked] is refused",
		"ghp_" + x[:36]:                                                      "[masked]",
		"Authorization: Bearer abc.def.ghi-0123 (401)":                       "Authorization: Bearer [masked] (401)",
		`{"DB_PASSWORD": "hunter22"}`:                                        `{"DB_PASSWORD": "[masked]"}`,
		`{\"apiKey\":\"a1b2c3d4\"}`:                                          `{\"apiKey\":\"[masked]\"}`,
		"API_KEY=0123456789abcdef, next":                                     "API_KEY=[masked], next",
		"token: required, secret: none, passwords: 12":                       "token: required, secret: none, passwords: 12",
		"databaseSecretArn: arn:aws:secretsmanager:eu-central-1:1:secret:a":  "databaseSecretArn: arn:aws:secretsmanager:eu-central-1:1:secret:a",
		"apiKeysSecret: arn:aws:secretsmanager:eu-central-1:123:secret:a-1b": "apiKeysSecret: arn:aws:secretsmanager:eu-central-1:123:secret:a-1b",
		"of arn:aws:secretsmanager:eu-central-1:123:secret:rds!db-1a2b":      "of arn:aws:secretsmanager:eu-central-1:123:secret:rds!db-1a2b",
		"https://blue.codeflow.example.com:443/mcp":                          "https://blue.codeflow.example.com:443/mcp",
		"a [secret] stays, password: [secret]":                               "a [secret] stays, password: [secret]",
	} {
		got, found := mask.Text(text)
		assert.Equal(t, want, got)
		assert.Equal(t, want != text, len(found) > 0, text)
		again, _ := mask.Text(got)
		assert.Equal(t, got, again, "masked once is enough")
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	for key, c := range map[string]struct{ value, want string }{
		"masterPassword":           {"correct horse battery", "[masked]"},
		"lockToken":                {"0b1c2d3e", "0b1c2d3e"},
		"API_KEY":                  {"none", "none"},
		"databaseSecret":           {"arn:aws:secretsmanager:eu-central-1:1:secret:a", "arn:aws:secretsmanager:eu-central-1:1:secret:a"},
		"manageMasterUserPassword": {"true", "true"},
		"token":                    {"[secret]", "[secret]"},
		"url":                      {"https://a:b1@c", "https://a:[masked]@c"},
	} {
		got, _ := mask.Value(key, c.value)
		assert.Equal(t, c.want, got, key)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	key := "-----BEGIN RSA PRIVATE" + " KEY-----\n" + strings.Repeat("eHg=\n", 20) + "-----END RSA PRIVATE" + " KEY-----"
	var out strings.Builder
	found, err := mask.Lines(&out, strings.NewReader("one\nvalue: "+key+"\nsk-proj-0123456789abcdef\nlast"))
	require.NoError(t, err)
	assert.Equal(t, "one\nvalue: [masked]\n[masked]\nlast\n", out.String())
	assert.Equal(t, []string{"a key", "a private key"}, found)

	inJSON, err := json.Marshal(key)
	require.NoError(t, err)
	text, _ := mask.Text(string(inJSON))
	assert.NotContains(t, text, "eHg=")
	cut, _ := mask.Text(key[:80])
	assert.NotContains(t, cut, "eHg=", "one that is cut off")
}
