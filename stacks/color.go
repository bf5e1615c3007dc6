package stacks

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/dns"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/ecsservice"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/loadbalancer"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/waf"
)

// color registers one colour: a load balancer and a service that runs the
// image of the colour's agents. It changes nothing of the platform's.
func color(ctx *pulumi.Context, cfg *Color, module string) error {
	image, err := buildImage(ctx, cfg, module)
	if err != nil {
		return err
	}
	schema, err := newestMigration(module)
	if err != nil {
		return err
	}
	last, err := readLast(ctx)
	if err != nil {
		return err
	}
	shared, err := read[PlatformOutputs](ctx, cfg.Platform)
	if err != nil {
		return err
	}
	aws, err := provider(ctx, "aws", sameAsPlatform(cfg, shared), cfg.Project)
	if err != nil {
		return err
	}
	balancer, err := newBalancer(ctx, cfg, shared, aws)
	if err != nil {
		return err
	}
	reference := pushImage(ctx, image, cfg.Name, shared.RepositoryURL, pulumi.Provider(aws))
	service, err := newService(ctx, cfg, shared, balancer, reference, aws)
	if err != nil {
		return err
	}
	if cfg.Domain != "" {
		if err := dns.NewAlias(ctx, "record", shared.ZoneID, naming.ColorDomain(cfg.Name, cfg.Domain),
			dns.Target{DNSName: balancer.DNSName, ZoneID: balancer.ZoneID}, pulumi.Provider(aws)); err != nil {
			return err
		}
		ctx.Export("url", pulumi.String("https://"+naming.ColorDomain(cfg.Name, cfg.Domain)))
	}
	ctx.Export("image", reference)
	export(ctx, ColorOutputs{
		LoadBalancerDNSName: balancer.DNSName, LoadBalancerZoneID: balancer.ZoneID,
		Digest: pulumi.String(image.Digest.String()).ToStringOutput(), SettledDigest: digestOf(service.SettledImage),
		TaskDefinition: service.TaskDefinition, SettledTaskDefinition: service.SettledTaskDefinition,
		BundleDigest: pulumi.String(image.BundleDigest).ToStringOutput(),
	})
	export(ctx, last.next(schema, service.TaskDefinition))
	return nil
}

// sameAsPlatform is the region, once it and the domain are known to be the
// platform's: a load balancer in another region could not use its subnets.
func sameAsPlatform(cfg *Color, shared *PlatformOutputs) pulumi.StringOutput {
	return pulumi.All(shared.Region, shared.Domain).ApplyT(func(all []any) (string, error) {
		for i, own := range []struct{ key, value string }{{"region", cfg.Region}, {"domain", cfg.Domain}} {
			if theirs := all[i].(string); theirs != own.value {
				return "", Problem{
					Path: namespace + ":color." + own.key, Rule: fmt.Sprintf("must be the platform's, %q", theirs),
					Got: fmt.Sprintf("%q", own.value), Fix: "change it in the stack that is wrong",
				}
			}
		}
		return cfg.Region, nil
	}).(pulumi.StringOutput)
}

func newBalancer(ctx *pulumi.Context, cfg *Color, shared *PlatformOutputs, aws *aws.Provider) (*loadbalancer.LoadBalancer, error) {
	names := naming.Color{Project: cfg.Project, Color: cfg.Name}
	balancer, err := loadbalancer.New(ctx, cfg.Name, &loadbalancer.Args{
		Name: names.LoadBalancer(), VpcID: shared.VpcID, SubnetIDs: shared.PublicSubnetIDs,
		HTTPS: cfg.Domain != "", CertificateARN: shared.CertificateARN,
		TargetPort: cfg.Service.Port, DeregistrationDelay: cfg.Service.DeregistrationDelaySeconds,
		LogBucket: shared.LogBucket, DeletionProtection: cfg.DeletionProtection,
	}, pulumi.Providers(aws))
	if err != nil {
		return nil, err
	}
	return balancer, waf.Associate(ctx, cfg.Name+"-waf", shared.WebACLARN, balancer.ARN, pulumi.Provider(aws))
}

func newService(
	ctx *pulumi.Context, cfg *Color, shared *PlatformOutputs, balancer *loadbalancer.LoadBalancer,
	image pulumi.StringOutput, aws *aws.Provider,
) (*ecsservice.Service, error) {
	return ecsservice.New(ctx, cfg.Name+"-service", &ecsservice.Args{
		Names: naming.Color{Project: cfg.Project, Color: cfg.Name},
		Image: image, RepositoryARN: shared.RepositoryARN,
		Port: cfg.Service.Port, CPU: cfg.Service.CPU, Memory: cfg.Service.Memory,
		HealthCommand: []string{"/codeflow-server", "healthcheck"},
		Environment:   environment(cfg, shared),
		Secrets:       cfg.Access.secrets(),
		TaskPolicy: []policy.Statement{
			{Sid: "DatabaseLogin", Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []any{shared.DatabaseSecretARN}},
			{
				Sid: "DatabaseKey", Actions: []string{"kms:Decrypt"}, Resources: []any{shared.DatabaseKeyARN},
				Conditions: map[string]map[string]any{"StringEquals": {"kms:ViaService": "secretsmanager." + cfg.Region + ".amazonaws.com"}},
			},
		},
		VpcID: shared.VpcID, SubnetIDs: shared.PrivateSubnetIDs,
		SecurityGroupIDs: []pulumi.StringInput{shared.ClientSecurityGroupID},
		LoadBalancer: ecsservice.LoadBalancer{
			SecurityGroupID: balancer.SecurityGroupID, TargetGroupARN: balancer.TargetGroupARN,
			ARNSuffix: balancer.ARNSuffix, TargetSuffix: balancer.TargetSuffix, Listener: balancer.Listener,
		},
		DesiredCount: cfg.Service.DesiredCount, Scaling: cfg.Scaling.component(), SpotShare: cfg.Service.SpotShare,
		LogRetentionDays: cfg.Logs.RetentionDays, SteadyStateTimeout: cfg.Service.SteadyStateTimeout,
	}, pulumi.Providers(aws))
}

// environment is the server's configuration, docs/server.md. The password of the
// database is not in it: the server reads the secret when it connects.
func environment(cfg *Color, shared *PlatformOutputs) map[string]pulumi.StringInput {
	env := map[string]pulumi.StringInput{
		"PORT":                         pulumi.String(strconv.Itoa(cfg.Service.Port)),
		"LOG_LEVEL":                    pulumi.String("info"),
		"CODEFLOW_COLOR":               pulumi.String(cfg.Name),
		"CODEFLOW_PUBLIC":              pulumi.String(strconv.FormatBool(cfg.Access.Public)),
		"CODEFLOW_METRICS_NAMESPACE":   pulumi.String("CodeFlow"),
		"CODEFLOW_REQUIRE_DATABASE":    pulumi.String(strconv.FormatBool(cfg.Service.RequireDatabase)),
		"CODEFLOW_DATABASE_SECRET_ARN": shared.DatabaseSecretARN,
		"DATABASE_URL":                 pulumi.Sprintf("postgresql://%s:5432/%s?sslmode=verify-full", shared.DatabaseHost, shared.DatabaseName),
	}
	if cfg.Domain != "" {
		hosts := []string{cfg.Domain, naming.LiveDomain(cfg.Domain), naming.CDNDomain(cfg.Domain), naming.ColorDomain(cfg.Name, cfg.Domain)}
		env["CODEFLOW_HOSTS"] = pulumi.String(strings.Join(hosts, ","))
		env["CODEFLOW_URL"] = pulumi.String("https://" + cfg.Domain)
	}
	return env
}

// secrets are the environment variables that ECS reads from Secrets Manager.
func (a Access) secrets() map[string]pulumi.StringInput {
	if a.Public {
		return nil
	}
	return map[string]pulumi.StringInput{"CODEFLOW_TOKENS": pulumi.String(a.TokensSecretARN)}
}

// digestOf is the digest of an image reference.
func digestOf(reference pulumi.StringOutput) pulumi.StringOutput {
	return reference.ApplyT(func(ref string) string {
		_, digest, _ := strings.Cut(ref, "@")
		return digest
	}).(pulumi.StringOutput)
}
