package database

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// secretTimeout bounds a request with all its tries: one for a connection of
// the pool does not end with the operation that needs it.
const secretTimeout = 5 * time.Second

// secretsManager reads one secret of AWS Secrets Manager. It is not safe for
// concurrent use.
type secretsManager struct {
	arn    arn.ARN
	client *secretsmanager.Client // made when it is first needed
}

func newSecretsManager(secretARN string) (*secretsManager, error) {
	parsed, err := arn.Parse(secretARN)
	if err != nil || parsed.Service != "secretsmanager" || parsed.Region == "" {
		return nil, fmt.Errorf("secret %q: must be the ARN of a secret in AWS Secrets Manager, such as "+
			"arn:aws:secretsmanager:eu-central-1:123456789012:secret:name-AbCdEf", secretARN)
	}
	return &secretsManager{arn: parsed}, nil
}

func (s *secretsManager) read(ctx context.Context) (login, error) {
	ctx, cancel := context.WithTimeout(ctx, secretTimeout)
	defer cancel()
	if s.client == nil {
		// Requests are minutes apart: a connection kept open would be of no use.
		client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.DisableKeepAlives = true })
		cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(s.arn.Region), config.WithHTTPClient(client))
		if err != nil {
			return login{}, err
		}
		s.client = secretsmanager.NewFromConfig(cfg)
	}
	name := s.arn.String()
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return login{}, err
	}
	var l login
	if out.SecretString == nil || json.Unmarshal([]byte(*out.SecretString), &l) != nil || l.Username == "" || l.Password == "" {
		// What it is instead, and the error of JSON, would tell of the secret.
		return login{}, errors.New(`it must be JSON with "username" and "password": let RDS manage the secret, or write them`)
	}
	return l, nil
}
