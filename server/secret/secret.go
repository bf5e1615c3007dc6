package secret

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// timeout bounds a request with all its tries.
const timeout = 5 * time.Second

// Secret is one secret of AWS Secrets Manager. It is not safe for concurrent use.
type Secret struct {
	arn    arn.ARN
	client *secretsmanager.Client // made when it is first needed
}

// New checks the ARN and reads nothing yet.
func New(secretARN string) (*Secret, error) {
	parsed, err := arn.Parse(secretARN)
	if err != nil || parsed.Service != "secretsmanager" || parsed.Region == "" {
		return nil, fmt.Errorf("secret %q: must be the ARN of a secret in AWS Secrets Manager, such as "+
			"arn:aws:secretsmanager:eu-central-1:123456789012:secret:name-AbCdEf", secretARN)
	}
	return &Secret{arn: parsed}, nil
}

// Read returns the current text of the secret, in the region that its ARN names.
// Its errors never have any of it.
func (s *Secret) Read(ctx context.Context) (string, error) {
	text, err := s.read(ctx)
	if err != nil {
		return "", fmt.Errorf("reading secret %q: %w", s.arn, err)
	}
	return text, nil
}

func (s *Secret) read(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if s.client == nil {
		// Requests are a minute apart: a connection kept open would be of no use.
		client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.DisableKeepAlives = true })
		cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(s.arn.Region), config.WithHTTPClient(client))
		if err != nil {
			return "", err
		}
		s.client = secretsmanager.NewFromConfig(cfg)
	}
	name := s.arn.String()
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return "", err
	}
	if out.SecretString == nil {
		return "", errors.New("it must be a text, and is binary")
	}
	return *out.SecretString, nil
}
