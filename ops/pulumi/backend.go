package pulumi

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"gopkg.in/yaml.v3"
)

// Bucket is where the state of a project is.
type Bucket struct {
	Name, Region string // of the URL; region may be ""
	Folder       string // in it, without slashes around; "" mostly
}

// StateBucket returns the bucket of the state that the CLI is logged in to, nil when the
// state is elsewhere. The CLI looks at the same three places.
// https://www.pulumi.com/docs/iac/concepts/state-and-backends/
func StateBucket(root string) *Bucket {
	backend := os.Getenv("PULUMI_BACKEND_URL")
	if backend == "" {
		backend = projectBackend(root)
	}
	if credentials, err := workspace.GetStoredCredentials(); backend == "" && err == nil {
		backend = credentials.Current
	}
	parsed, err := url.Parse(backend)
	if err != nil || parsed.Scheme != "s3" {
		return nil
	}
	return &Bucket{parsed.Host, parsed.Query().Get("region"), strings.Trim(parsed.Path, "/")}
}

func projectBackend(root string) string {
	var project struct{ Backend struct{ URL string } }
	data, err := os.ReadFile(filepath.Join(root, "Pulumi.yaml"))
	if err == nil {
		err = yaml.Unmarshal(data, &project)
	}
	if err != nil {
		return "" // which is for the CLI to say.
	}
	return project.Backend.URL
}
