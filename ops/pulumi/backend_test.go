package pulumi

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStateBucket(t *testing.T) {
	for name, c := range map[string]struct {
		env, project, login string
		want                *Bucket
	}{
		"environment":  {"s3://codeflow-state?region=eu-west-1&awssdk=v2", "", "s3://other", &Bucket{"codeflow-state", "eu-west-1", ""}},
		"the project":  {"", "s3://codeflow-state/a/b/", "s3://other", &Bucket{"codeflow-state", "", "a/b"}},
		"login":        {"", "", "s3://codeflow-state", &Bucket{"codeflow-state", "", ""}},
		"files":        {"file://~", "", "", nil},
		"the service":  {"", "", "https://api.pulumi.com", nil},
		"no login yet": {"", "", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			root, home := t.TempDir(), t.TempDir()
			t.Setenv("PULUMI_BACKEND_URL", c.env)
			t.Setenv("PULUMI_HOME", home)
			text := "name: codeflow\n"
			if c.project != "" {
				text += "backend: {url: '" + c.project + "'}\n"
			}
			require.NoError(t, os.WriteFile(filepath.Join(root, "Pulumi.yaml"), []byte(text), 0o600))
			if c.login != "" {
				require.NoError(t, os.WriteFile(filepath.Join(home, "credentials.json"), []byte(`{"current":"`+c.login+`"}`), 0o600))
			}
			assert.Equal(t, c.want, StateBucket(root))
		})
	}
}
