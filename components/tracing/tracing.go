// Package tracing brings the spans of the server to X-Ray: a collector beside the
// server, in each task, and a group that gathers what the server answered.
//
// The server decides which requests are traced, by a share. X-Ray's sampling rules
// are not used: they need a sampler in the server that asks for them, and
// OpenTelemetry's for Go (contrib/samplers/aws/xray) is experimental.
//
// Start with [NewGroup] for the platform and [Collector] for a task.
package tracing

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/xray"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/ecsservice"
	"github.com/ferg-cod3s/codeflow-infrastructure/components/policy"
)

// Image is the collector of the AWS Distro for OpenTelemetry, v0.43.3, at Amazon's
// public registry: https://gallery.ecr.aws/aws-observability/aws-otel-collector.
const Image = "public.ecr.aws/aws-observability/aws-otel-collector@sha256:8aa9ea5f67b8d318f7d6af24677e3c70f7098bc0631147cb5fa91addbe980b06"

// Service is the name that the server gives itself in its spans.
const Service = "codeflow-server"

// NewGroup registers the group of the server's traces, with X-Ray's insights, which
// find when answers fail or slow down. A change of name (1 to 32 characters)
// replaces it.
func NewGroup(ctx *pulumi.Context, name, groupName string, opts ...pulumi.ResourceOption) error {
	if _, err := xray.NewGroup(ctx, name, &xray.GroupArgs{
		GroupName:        pulumi.String(groupName),
		FilterExpression: pulumi.Sprintf("service(%q)", Service),
		InsightsConfiguration: &xray.GroupInsightsConfigurationArgs{
			InsightsEnabled: pulumi.Bool(true), NotificationsEnabled: pulumi.Bool(false),
		},
	}, opts...); err != nil {
		return fmt.Errorf("creating group %q of traces: %w", groupName, err)
	}
	return nil
}

var (
	byDigest    = regexp.MustCompile(`^[a-z0-9.-]+(:[0-9]+)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$`)
	ownRegistry = regexp.MustCompile(`^([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/(.+)@`)
)

// CheckImage returns an error when the image is not one by digest.
func CheckImage(image string) error {
	if !byDigest.MatchString(image) {
		return fmt.Errorf("must be an image by digest, got %q: for example %q", image, Image)
	}
	return nil
}

// Own is whether the image is in a private registry of ECR already.
func Own(image string) bool { return ownRegistry.MatchString(image) }

// Collector is the container that takes the server's spans, by OTLP over HTTP at
// port 4318 of the task, and sends them to X-Ray. The configuration is in the image.
// https://aws-otel.github.io/docs/setup/ecs/config-through-ssm
func Collector(image pulumi.StringInput, region string) ecsservice.Container {
	return ecsservice.Container{
		Name: "collector", Image: image, Command: []string{"--config=/etc/ecs/ecs-xray.yaml"},
		Environment: map[string]pulumi.StringInput{"AWS_REGION": pulumi.String(region)},
	}
}

// RepositoryARN is that of an image which is [Own], and nil of another one.
func RepositoryARN(image string) pulumi.StringInput {
	if m := ownRegistry.FindStringSubmatch(image); m != nil {
		return pulumi.String(fmt.Sprintf("arn:aws:ecr:%s:%s:repository/%s", m[2], m[1], m[3]))
	}
	return nil
}

// Environment is what makes the server send its spans, of a share of its requests in
// percent.
func Environment(percent int) map[string]pulumi.StringInput {
	return map[string]pulumi.StringInput{
		"OTEL_EXPORTER_OTLP_ENDPOINT": pulumi.String("http://localhost:4318"),
		"OTEL_TRACES_SAMPLER_ARG":     pulumi.String(strconv.FormatFloat(float64(percent)/100, 'g', -1, 64)),
	}
}

// Statement lets a task write traces. AWS has no resource for these actions.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
func Statement() policy.Statement {
	return policy.Statement{Sid: "Traces", Actions: []string{"xray:PutTelemetryRecords", "xray:PutTraceSegments"}, Resources: []any{"*"}}
}
