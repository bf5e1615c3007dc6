package aws

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// expirationEnv is where tools that put credentials into the environment say when they
// end, as aws configure export-credentials does.
const expirationEnv = "AWS_CREDENTIAL_EXPIRATION"

// Until returns when the config's credentials end, zero when the SDK renews them. A
// session that was put into the environment or into a file is not renewed.
func Until(ctx context.Context, cfg aws.Config) (time.Time, error) {
	credentials, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading the AWS credentials: %w", err)
	}
	env := credentials.Source == "EnvConfigCredentials"
	file := strings.HasPrefix(credentials.Source, "SharedConfigCredentials")
	switch end := os.Getenv(expirationEnv); {
	case credentials.SessionToken == "" || !env && !file:
		return time.Time{}, nil
	case env && end != "":
		until, err := time.Parse(time.RFC3339, end)
		if err != nil {
			return time.Time{}, fmt.Errorf("%s must be a time such as 2026-06-01T12:00:00Z, got %q", expirationEnv, end)
		}
		return until, nil
	}
	return time.Time{}, errors.New("the session's credentials do not say when they end: set " + expirationEnv)
}
