package tokens

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// Secret is a secret of AWS Secrets Manager. It implements [Store].
type Secret struct {
	name   string
	client *secretsmanager.Client
}

var _ Store = (*Secret)(nil)

// New returns the secret of the name in the account that the config leads to.
func New(cfg aws.Config, name string) *Secret {
	return &Secret{name, secretsmanager.NewFromConfig(cfg)}
}

// Read implements [Store].
func (s *Secret) Read(ctx context.Context, stage Stage) (*Version, error) {
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId: aws.String(s.name), VersionStage: aws.String(string(stage)),
	})
	var none *types.ResourceNotFoundException
	if errors.As(err, &none) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading version %s of secret %q: %w", stage, s.name, err)
	}
	return &Version{aws.ToString(out.SecretString), aws.ToTime(out.CreatedDate)}, nil
}

// Write implements [Store]. The SDK adds a ClientRequestToken, so that a request that
// it sends again makes no second version.
func (s *Secret) Write(ctx context.Context, text string) error {
	_, err := s.client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(s.name), SecretString: aws.String(text),
	})
	var none *types.ResourceNotFoundException
	if errors.As(err, &none) {
		return fmt.Errorf("there must be a secret %q: bring the platform up with pulumi up: %w", s.name, err)
	}
	if err != nil {
		return fmt.Errorf("writing secret %q: %w", s.name, err)
	}
	return nil
}
