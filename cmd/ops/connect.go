package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/aws"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/cli"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/pulumi"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/tokens"
)

// readPlatform reads the platform that the controller is to work on.
func readPlatform(file string, anyDomain bool) (*pulumi.Platform, error) {
	p, err := pulumi.ReadPlatform(file)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Region == "":
		return nil, fmt.Errorf(`config "codeflow:platform.region" of %q must be set: ops works on a platform's stack, see --stack`, file)
	case p.Domain.Name == "" && !anyDomain:
		return nil, fmt.Errorf(`config "codeflow:platform.domain" of %q must be set: without a domain there are no weights to move, `+
			`edit codeflow:traffic and run pulumi up`, file)
	}
	return p, nil
}

// connect leads to the platform's AWS account, by the usual AWS settings.
func connect(ctx context.Context, flags cli.Flags, log io.Writer) (*cli.Target, error) {
	file := filepath.Join(flags.Root, "Pulumi."+flags.Platform+".yaml")
	p, err := readPlatform(file, flags.AnyDomain)
	if err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(p.Region))
	if err != nil {
		return nil, fmt.Errorf("reading the AWS settings: %w", err)
	}
	until, err := credentialsEnd(os.Getenv)
	if err != nil {
		return nil, err
	}
	stacks := pulumi.New(pulumi.Options{Dir: flags.Root, Platform: flags.Platform, Log: log})
	target := &cli.Target{
		Cloud: aws.New(cfg, aws.Settings{
			Project: p.Project, Environment: p.Environment, Domain: p.Domain.Name, ZoneName: p.Domain.ZoneName,
		}),
		Stacks: stacks, Colors: p.Colors, Dir: filepath.Join(flags.Root, ".ops", flags.Platform),
		Schema:     ops.Migrations(os.DirFS(filepath.Join(flags.Root, "server", "database", "migrations"))),
		Repository: ops.Git{Dir: flags.Root}, File: filepath.Base(file),
		Tokens: tokens.New(cfg, naming.Platform{Project: p.Project, Environment: p.Environment}.TokensSecret()),
		Probe: func(ctx context.Context, color string) error {
			return ops.Get(ctx, http.DefaultClient, "https://"+naming.ColorDomain(color, p.Domain.Name)+"/health")
		},
		Until: until,
	}
	if bucket := pulumi.StateBucket(flags.Root); bucket != nil {
		home := cfg.Copy()
		home.Region = cmp.Or(bucket.Region, p.Region)
		// Roles that work with the state may use what is in Pulumi's folder.
		target.Store = aws.NewObject(home, bucket.Name, path.Join(bucket.Folder, ".pulumi/ops", flags.Platform+".json"))
	}
	return target, nil
}

// credentialsEnd is when the credentials in the environment end, which nobody renews. The
// workflows' login says so, and aws configure export-credentials --format env.
// https://docs.aws.amazon.com/cli/latest/reference/configure/export-credentials.html
func credentialsEnd(getenv func(string) string) (time.Time, error) {
	const name = "AWS_CREDENTIAL_EXPIRATION"
	text := getenv(name)
	if text == "" || getenv("AWS_ACCESS_KEY_ID") == "" {
		return time.Time{}, nil
	}
	until, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return until, fmt.Errorf("%s must be a time like 2026-01-02T15:04:05Z, got %q", name, text)
	}
	return until, nil
}
