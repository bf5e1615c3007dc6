package engine

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	opsaws "github.com/ferg-cod3s/codeflow-infrastructure/ops/aws"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/cli"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/pulumi"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/tokens"
)

// ttl of aliases, the interval between two samples, and the window of requests, in
// AWS's seconds. Requests come no faster when time does, so the window is longer than
// at AWS, to have enough of them.
const (
	ttl, interval = 60, 10
	window        = 360
)

// AWS leads the SDKs to the account, as a role.
func (s *Sandbox) AWS(role string) (aws.Config, error) {
	access, err := s.Account.Access(role)
	return aws.Config{
		Region: s.platform.Region, BaseEndpoint: aws.String(access.URL),
		Credentials: credentials.NewStaticCredentialsProvider(access.AccessKeyID, access.SecretAccessKey, ""),
	}, err
}

// Traffic is the account as the traffic controller sees it, as a role.
func (s *Sandbox) Traffic(role string) (ops.Cloud, error) {
	cfg, err := s.AWS(role)
	return opsaws.New(cfg, opsaws.Settings{
		Project: s.platform.Project, Environment: s.platform.Environment, Domain: s.Domain(), ZoneName: s.platform.Domain.ZoneName,
		Minute: s.scale.Seconds(60),
	}), err
}

// Journal is the folder of the traffic controller's.
func (s *Sandbox) Journal(platform string) string { return s.path("ops", platform) }

// Ops is where the traffic controller works on a platform's stack of this sandbox, as an
// operator does. What it waits for passes at the sandbox's time scale; a bake and a guard
// are given in real time.
func (s *Sandbox) Ops(platform string, log io.Writer) (*cli.Target, error) {
	operator := s.Names().OperatorRole()
	seen, err := s.Traffic(operator)
	if err != nil {
		return nil, err
	}
	cfg, err := s.AWS(operator)
	return &cli.Target{
		Cloud: seen,
		Stacks: pulumi.New(pulumi.Options{
			Dir: s.root, Platform: platform, File: s.StackFile(platform), Open: s.stack, Log: log,
		}),
		Schema: ops.Migrations(os.DirFS(filepath.Join(s.root, "server", "database", "migrations"))),
		Colors: s.platform.Colors,
		Dir:    s.Journal(platform),
		Probe:  s.probe,
		File:   s.StackFile(platform),
		// As autoscaling here: 1000 requests in one of these minutes.
		Thresholds: ops.Thresholds{Load: 1000 / s.scale.Seconds(60).Seconds()},
		Pace:       ops.Pace{TTL: s.scale.Seconds(ttl), Interval: s.scale.Seconds(interval), Window: s.scale.Seconds(window)},
		Tokens:     tokens.New(cfg, s.Names().TokensSecret()),
	}, err
}

// probe sends a request to a colour's own name.
func (s *Sandbox) probe(ctx context.Context, color string) error {
	client, err := s.Client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	return ops.Get(ctx, client, "https://"+naming.ColorDomain(color, s.Domain())+"/health")
}
