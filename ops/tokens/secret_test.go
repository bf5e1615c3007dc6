// The stub answers in the shapes of AWS's API reference: it does not prove what
// IAM allows.
package tokens_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops/tokens"
)

// stub answers each call with the next text, and returns what was asked.
func stub(t *testing.T, answers ...string) (*tokens.Secret, *[]map[string]string) {
	t.Helper()
	asked := &[]map[string]string{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		input := map[string]string{"action": r.Header.Get("X-Amz-Target")}
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&input))
		*asked = append(*asked, input)
		answer := answers[len(*asked)-1]
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if answer[:8] == `{"__type` {
			w.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(srv.Close)
	return tokens.New(aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(srv.URL), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		RetryMaxAttempts: 1,
	}, "codeflow/prod/tokens"), asked
}

const (
	none   = `{"__type":"ResourceNotFoundException","Message":"there is none"}`
	denied = `{"__type":"AccessDeniedException","Message":"denied"}`
)

func TestSecret(t *testing.T) {
	t.Parallel()
	secret, asked := stub(t, `{"SecretString":"hashes","CreatedDate":1.5E9}`, none, `{"VersionId":"v"}`)
	version, err := secret.Read(t.Context(), tokens.Current)
	require.NoError(t, err)
	assert.Equal(t, &tokens.Version{Text: "hashes", Created: time.Unix(1.5e9, 0).UTC()}, version)
	version, err = secret.Read(t.Context(), tokens.Previous)
	require.NoError(t, err)
	assert.Nil(t, version)
	require.NoError(t, secret.Write(t.Context(), "new"))

	const id, get = "codeflow/prod/tokens", "secretsmanager.GetSecretValue"
	assert.Equal(t, map[string]string{"action": get, "SecretId": id, "VersionStage": "AWSCURRENT"}, (*asked)[0])
	assert.Equal(t, map[string]string{"action": get, "SecretId": id, "VersionStage": "AWSPREVIOUS"}, (*asked)[1])
	put := (*asked)[2]
	assert.Len(t, put["ClientRequestToken"], 36, "a retry makes no second version")
	delete(put, "ClientRequestToken")
	assert.Equal(t, map[string]string{"action": "secretsmanager.PutSecretValue", "SecretId": id, "SecretString": "new"}, put)
}

func TestSecretErrors(t *testing.T) {
	t.Parallel()
	secret, _ := stub(t, denied, denied, none)
	_, err := secret.Read(t.Context(), tokens.Current)
	require.ErrorContains(t, err, `reading version AWSCURRENT of secret "codeflow/prod/tokens"`)
	require.ErrorContains(t, secret.Write(t.Context(), "hidden"), `writing secret "codeflow/prod/tokens"`)
	err = secret.Write(t.Context(), "hidden")
	require.ErrorContains(t, err, "bring the platform up with pulumi up")
	assert.NotContains(t, err.Error(), "hidden")
}
