// These tests do not prove that X-Ray takes what the collector sends.
package tracing_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/tracing"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

const own = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/mirror/aws-observability/aws-otel-collector"

func TestGroup(t *testing.T) {
	t.Parallel()
	r := &recorder.Recorder{}
	r.Both(t, func(ctx *pulumi.Context) error { return tracing.NewGroup(ctx, "traces", "codeflow-prod") })
	group := r.Get(t, "aws:xray/group:Group", "traces")
	assert.Equal(t, `service("codeflow-server")`, group.In("filterExpression"))
	assert.Equal(t, true, group.In("insightsConfiguration.insightsEnabled"))
}

func TestCollector(t *testing.T) {
	t.Parallel()
	require.NoError(t, tracing.CheckImage(tracing.Image))
	assert.False(t, tracing.Own(tracing.Image))
	assert.Nil(t, tracing.RepositoryARN(tracing.Image))

	copied := own + tracing.Image[len("public.ecr.aws/aws-observability/aws-otel-collector"):]
	require.NoError(t, tracing.CheckImage(copied))
	assert.True(t, tracing.Own(copied))
	assert.Equal(t, pulumi.String("arn:aws:ecr:eu-central-1:123456789012:repository/mirror/aws-observability/aws-otel-collector"),
		tracing.RepositoryARN(copied))
	assert.Equal(t, pulumi.String(copied), tracing.Collector(pulumi.String(copied), "eu-central-1").Image)
	assert.Equal(t, pulumi.String("0.05"), tracing.Environment(5)["OTEL_TRACES_SAMPLER_ARG"])

	for _, image := range []string{"", "collector", own + ":latest", own + "@sha256:1", "docker.io/otel/collector:1"} {
		assert.ErrorContains(t, tracing.CheckImage(image), "must be an image by digest", image)
	}
}
