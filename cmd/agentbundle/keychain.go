package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-containerregistry/pkg/authn"
)

// keychain finds credentials for a registry: Docker's, those of AWS for ECR,
// or none.
var keychain = authn.NewMultiKeychain(authn.DefaultKeychain, ecrKeychain{})

// ecrHost matches the registries of ECR:
// https://docs.aws.amazon.com/general/latest/gr/ecr.html
var ecrHost = regexp.MustCompile(`^\d{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)$`)

// ecrKeychain asks ECR for a token, as whom the AWS SDK says.
type ecrKeychain struct{}

func (k ecrKeychain) Resolve(registry authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), registry)
}

// ResolveContext implements [authn.ContextKeychain].
func (ecrKeychain) ResolveContext(ctx context.Context, registry authn.Resource) (authn.Authenticator, error) {
	host := ecrHost.FindStringSubmatch(registry.RegistryStr())
	if host == nil {
		return authn.Anonymous, nil
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(host[1]))
	if err != nil {
		return nil, fmt.Errorf("reading the AWS configuration: %w", err)
	}
	out, err := ecr.NewFromConfig(cfg).GetAuthorizationToken(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("getting a token of ECR in %s: %w", host[1], err)
	}
	for _, data := range out.AuthorizationData {
		if data.AuthorizationToken == nil {
			continue
		}
		plain, err := base64.StdEncoding.DecodeString(*data.AuthorizationToken)
		if user, password, ok := strings.Cut(string(plain), ":"); err == nil && ok {
			return &authn.Basic{Username: user, Password: password}, nil
		}
	}
	return nil, fmt.Errorf("getting a token of ECR in %s: the answer has none", host[1])
}
