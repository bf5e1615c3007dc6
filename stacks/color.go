package stacks

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/dns"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/ecsservice"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/loadbalancer"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/observability"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/secrets"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/tracing"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/vpc"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/waf"
)

// color registers one colour: a load balancer and a service that runs the
// image of the colour's agents. It changes nothing of the platform's.
func color(ctx *pulumi.Context, config *Config, module string) error {
	cfg := config.Color
	k, err := newColor(ctx, cfg, module)
	if err != nil {
		return err
	}
	if k.shared, err = read[PlatformOutputs](ctx, cfg.Platform); err != nil {
		return err
	}
	if k.nat, err = readNAT(ctx, cfg.Platform); err != nil {
		return err
	}
	if k.aws, err = provider(ctx, "aws", sameAsPlatform(cfg, k.shared), cfg.Project); err != nil {
		return err
	}
	if err := checkBound(ctx, config.RoleBoundary, cfg.Project, k.aws); err != nil {
		return err
	}
	if err := k.balance(ctx); err != nil {
		return err
	}
	if err := k.serve(ctx); err != nil {
		return err
	}
	if cfg.Domain != "" {
		if err := dns.NewAlias(ctx, "record", k.shared.ZoneID, naming.ColorDomain(cfg.Name, cfg.Domain), k.target(), pulumi.Provider(k.aws)); err != nil {
			return err
		}
		ctx.Export("url", pulumi.String("https://"+naming.ColorDomain(cfg.Name, cfg.Domain)))
	}
	return nil
}

// colorStack is what the steps of a colour hand on to each other.
type colorStack struct {
	cfg    *Color
	names  naming.Color
	image  *agentbundle.Image
	schema string       // version of the database that the server in the image needs
	last   *lastOutputs // of the update before

	shared   *PlatformOutputs
	nat      string // of the platform's network
	aws      *aws.Provider
	balancer *loadbalancer.LoadBalancer
}

// newColor packs the image, so that bad agents fail before anything is registered.
func newColor(ctx *pulumi.Context, cfg *Color, module string) (k *colorStack, err error) {
	k = &colorStack{cfg: cfg, names: naming.Color{Project: cfg.Project, Color: cfg.Name}}
	if k.image, err = buildImage(ctx, cfg, module); err != nil {
		return nil, err
	}
	if k.schema, err = newestMigration(module); err != nil {
		return nil, err
	}
	k.last, err = readLast(ctx)
	return k, err
}

func (k *colorStack) target() dns.Target {
	return dns.Target{DNSName: k.balancer.DNSName, ZoneID: k.balancer.ZoneID}
}

// serve runs the image of the colour's agents behind its load balancer.
func (k *colorStack) serve(ctx *pulumi.Context) error {
	reference := pushImage(ctx, k.image, k.cfg.Name, k.shared.RepositoryURL, pulumi.Provider(k.aws))
	service, err := k.service(ctx, reference)
	if err != nil {
		return err
	}
	alarms, err := observability.NewColor(ctx, k.cfg.Name+"-alarms", &observability.ColorArgs{
		Names: k.names, ClusterName: service.ClusterName, ServiceName: service.ServiceName,
		LoadBalancer: k.balancer.ARNSuffix, TargetGroup: k.balancer.TargetSuffix,
		LogGroupName: service.LogGroupName, Topics: k.topics(),
	}, pulumi.Providers(k.aws))
	if err != nil {
		return err
	}
	healthCheckID := pulumi.String("").ToStringOutput()
	if k.cfg.Domain != "" {
		check, err := dns.NewAlarmCheck(ctx, "health", alarms.Failing.Name, k.cfg.Region, alarms.Failing.Terms, pulumi.Provider(k.aws))
		if err != nil {
			return err
		}
		healthCheckID = check.ID().ToStringOutput()
	}
	ctx.Export("image", reference)
	export(ctx, ColorOutputs{
		LoadBalancerDNSName: k.balancer.DNSName, LoadBalancerZoneID: k.balancer.ZoneID, HealthCheckID: healthCheckID,
		Digest: pulumi.String(k.image.Digest.String()).ToStringOutput(), SettledDigest: digestOf(service.SettledImage),
		TaskDefinition: service.TaskDefinition, SettledTaskDefinition: service.SettledTaskDefinition,
		BundleDigest: pulumi.String(k.image.BundleDigest).ToStringOutput(),
	})
	export(ctx, k.last.next(k.schema, service.TaskDefinition))
	return nil
}

// topics are those of the escalation levels.
func (k *colorStack) topics() (topics []pulumi.StringInput) {
	for i := range observability.Levels {
		topics = append(topics, k.shared.Topics.Index(pulumi.Int(i)))
	}
	return topics
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

func (k *colorStack) balance(ctx *pulumi.Context) (err error) {
	if k.balancer, err = loadbalancer.New(ctx, k.cfg.Name, &loadbalancer.Args{
		Name: k.names.LoadBalancer(), VpcID: k.shared.VpcID, SubnetIDs: k.shared.PublicSubnetIDs,
		HTTPS: k.cfg.Domain != "", CertificateARN: k.shared.CertificateARN,
		DeregistrationDelay: k.cfg.Service.DeregistrationDelaySeconds,
		LogBucket:           k.shared.LogBucket, DeletionProtection: k.cfg.DeletionProtection,
	}, pulumi.Providers(k.aws)); err != nil {
		return err
	}
	return waf.Associate(ctx, k.cfg.Name+"-waf", k.shared.WebACLARN, k.balancer.ARN, pulumi.Provider(k.aws))
}

func (k *colorStack) service(ctx *pulumi.Context, image pulumi.StringOutput) (*ecsservice.Service, error) {
	readable := secrets.Access{
		Region: k.cfg.Region, KeyARN: k.shared.StoreKeyARN, SettingsARN: k.shared.SettingsARN, APIKeysARN: k.shared.APIKeysARN,
		DatabaseURLARN: k.shared.DatabaseURLARN, MasterSecretARN: k.shared.DatabaseSecretARN, DatabaseKeyARN: k.shared.DatabaseKeyARN,
	}
	if !k.cfg.Access.Public {
		readable.TokensSecretARN = k.shared.TokensSecretARN
	}
	databaseURL := map[string]pulumi.StringInput{"DATABASE_URL": k.shared.DatabaseURLARN}
	args := &ecsservice.Args{
		Names: k.names, Image: image, RepositoryARN: k.shared.RepositoryARN,
		Port: k.cfg.Service.Port, CPU: k.cfg.Service.CPU, Memory: k.cfg.Service.Memory,
		HealthCommand: []string{"/codeflow-server", "healthcheck"},
		Environment:   k.environment(),
		Secrets: with(databaseURL, map[string]pulumi.StringInput{
			"LOG_LEVEL": pulumi.Sprintf("%s/%s", k.shared.SettingsARN, logLevel),
		}),
		// The migrations have a login of their own, which the server cannot read: a
		// task's role is for all of its containers, so it comes from ECS.
		Containers: []ecsservice.Container{{
			Name: "migrate", First: true, Command: []string{"migrate", k.migration()},
			Environment: map[string]pulumi.StringInput{"CODEFLOW_COLOR": pulumi.String(k.cfg.Name)}, // in its logs
			Secrets:     with(databaseURL, map[string]pulumi.StringInput{"CODEFLOW_DATABASE_LOGIN": k.shared.DatabaseSecretARN}),
		}},
		TaskPolicy: append(readable.Task(), policy.Statement{
			Sid: "DatabaseLogin", Actions: []string{"rds-db:connect"}, Resources: []any{k.shared.DatabaseUserARN},
		}),
		ExecutionPolicy: readable.Execution(),
		VpcID:           k.shared.VpcID, SubnetIDs: k.shared.PrivateSubnetIDs,
		SecurityGroupIDs: []pulumi.StringInput{k.shared.ClientSecurityGroupID},
		LoadBalancer: ecsservice.LoadBalancer{
			SecurityGroupID: k.balancer.SecurityGroupID, TargetGroupARN: k.balancer.TargetGroupARN,
			ARNSuffix: k.balancer.ARNSuffix, TargetSuffix: k.balancer.TargetSuffix, Listener: k.balancer.Listener,
		},
		DesiredCount: k.cfg.Service.DesiredCount, Scaling: k.cfg.Scaling.component(), SpotShare: k.cfg.Service.SpotShare,
		LogRetentionDays: k.cfg.Logs.RetentionDays, LogKeyARN: k.shared.LogKeyARN, SteadyStateTimeout: k.cfg.Service.SteadyStateTimeout,
	}
	if k.cfg.Tracing.SamplePercent > 0 {
		args.Containers = append(args.Containers, k.collector(ctx))
		args.TaskPolicy = append(args.TaskPolicy, tracing.Statement())
		maps.Copy(args.Environment, tracing.Environment(k.cfg.Tracing.SamplePercent))
	}
	if k.cfg.Access.OIDC != nil && vpc.NAT(k.nat) == vpc.NATNone {
		_ = ctx.Log.Warn("nobody can sign in: without NAT the tasks cannot reach the issuer. Set the platform's network.nat, or remove access.oidc", nil)
	}
	return ecsservice.New(ctx, k.cfg.Name+"-service", args, pulumi.Providers(k.aws))
}

// migration holds tasks back when the database is away only if they need it: otherwise
// nothing could start, scale or go back in an outage that the server itself bears.
func (k *colorStack) migration() string {
	if k.cfg.Service.RequireDatabase {
		return "up"
	}
	return "up-if-reachable"
}

// collector takes the tasks' spans. A task does not start without its image, so that is
// in the account: copied to the repository unless it is in one already.
func (k *colorStack) collector(ctx *pulumi.Context) ecsservice.Container {
	source := k.cfg.Tracing.Collector
	if tracing.Own(source) {
		c := tracing.Collector(pulumi.String(source), k.cfg.Region)
		c.RepositoryARN = tracing.RepositoryARN(source)
		return c
	}
	return tracing.Collector(mirrorImage(ctx, source, k.shared.RepositoryURL, pulumi.Provider(k.aws)), k.cfg.Region)
}

// with is a copy of a map with the entries of another.
func with(m, more map[string]pulumi.StringInput) map[string]pulumi.StringInput {
	all := maps.Clone(m)
	maps.Copy(all, more)
	return all
}

// environment is what the server is told: docs/server.md has each variable.
func (k *colorStack) environment() map[string]pulumi.StringInput {
	env := map[string]pulumi.StringInput{
		"PORT":                       pulumi.String(strconv.Itoa(k.cfg.Service.Port)),
		"CODEFLOW_COLOR":             pulumi.String(k.cfg.Name),
		"CODEFLOW_IMAGE":             pulumi.String(k.image.Digest.String()),
		"CODEFLOW_PROXIES":           pulumi.String("1"), // the load balancer
		"CODEFLOW_PUBLIC":            pulumi.String(strconv.FormatBool(k.cfg.Access.Public)),
		"CODEFLOW_METRICS_NAMESPACE": pulumi.String("CodeFlow"),
		"CODEFLOW_REQUIRE_DATABASE":  pulumi.String(strconv.FormatBool(k.cfg.Service.RequireDatabase)),
		"CODEFLOW_DATABASE_IAM":      pulumi.String("true"),
	}
	if !k.cfg.Access.Public {
		env["CODEFLOW_TOKENS_SECRET_ARN"] = k.shared.TokensSecretARN
	}
	if oidc := k.cfg.Access.OIDC; oidc != nil {
		for name, value := range map[string]string{
			"ISSUER": oidc.Issuer, "AUDIENCE": oidc.Audience, "SCOPES": strings.Join(oidc.Scopes, " "), "CLIENT": oidc.ClientID,
		} {
			if value != "" {
				env["CODEFLOW_OIDC_"+name] = pulumi.String(value)
			}
		}
	}
	if domain := k.cfg.Domain; domain != "" {
		hosts := []string{domain, naming.LiveDomain(domain), naming.CDNDomain(domain), naming.ColorDomain(k.cfg.Name, domain)}
		env["CODEFLOW_HOSTS"] = pulumi.String(strings.Join(hosts, ","))
		env["CODEFLOW_URL"] = pulumi.String("https://" + domain)
	}
	return env
}

// digestOf is the digest of an image reference.
func digestOf(reference pulumi.StringOutput) pulumi.StringOutput {
	return reference.ApplyT(func(ref string) string {
		_, digest, _ := strings.Cut(ref, "@")
		return digest
	}).(pulumi.StringOutput)
}
