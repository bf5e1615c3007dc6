// The ECR of these tests answers any signature. They do not prove that AWS
// accepts the requests.
package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// resolve returns what the keychain finds for a registry while ECR answers
// with a body.
func resolve(t *testing.T, host, body string) (authn.Authenticator, error) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken", r.Header.Get("X-Amz-Target"))
		assert.Contains(t, r.Header.Get("Authorization"), "/eu-central-1/ecr/")
		if body == "" {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	for key, value := range map[string]string{
		"AWS_ENDPOINT_URL_ECR": srv.URL, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none", "DOCKER_CONFIG": t.TempDir(),
	} {
		t.Setenv(key, value)
	}
	registry, err := name.NewRegistry(host)
	require.NoError(t, err)
	return authn.Resolve(t.Context(), keychain, registry)
}

func TestKeychain(t *testing.T) {
	const host = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
	for title, tt := range map[string]struct {
		host, body string
		want       authn.Authenticator
		err        string
	}{
		"token":            {host, `{"authorizationData":[{"authorizationToken":"QVdTOnNlY3JldA=="}]}`, &authn.Basic{Username: "AWS", Password: "secret"}, ""},
		"no token":         {host, `{"authorizationData":[{}]}`, nil, "the answer has none"},
		"odd token":        {host, `{"authorizationData":[{"authorizationToken":"?"}]}`, nil, "the answer has none"},
		"refused":          {host, "", nil, "getting a token of ECR in eu-central-1"},
		"another registry": {"registry.example.com", "", authn.Anonymous, ""},
	} {
		t.Run(title, func(t *testing.T) {
			got, err := resolve(t, tt.host, tt.body)
			if tt.err != "" {
				assert.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			want, err := tt.want.Authorization()
			require.NoError(t, err)
			auth, err := got.Authorization()
			require.NoError(t, err)
			assert.Equal(t, want, auth)
		})
	}
}
