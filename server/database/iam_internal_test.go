// These tests do not prove that RDS takes a token: sandbox/runtime/database
// verifies the signature.
package database

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestToken(t *testing.T) {
	t.Parallel()
	for title, tt := range map[string]struct{ host, region string }{
		"RDS":     {"db.abc.eu-south-2.rds.amazonaws.com", "eu-south-2"},
		"another": {"localhost", "us-east-1"}, // AWS_REGION
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			token, err := new(tokens).token(t.Context(), tt.host, 5433, "codeflow_server")
			require.NoError(t, err)
			u, err := url.Parse("https://" + token)
			require.NoError(t, err)
			assert.Equal(t, tt.host+":5433", u.Host)
			query := u.Query()
			assert.Equal(t, "connect", query.Get("Action"))
			assert.Equal(t, "codeflow_server", query.Get("DBUser"))
			assert.Equal(t, "900", query.Get("X-Amz-Expires"))
			scope := strings.Split(query.Get("X-Amz-Credential"), "/")
			require.Len(t, scope, 5)
			assert.Equal(t, []string{"test", tt.region, "rds-db"}, []string{scope[0], scope[2], scope[3]})
		})
	}
}
