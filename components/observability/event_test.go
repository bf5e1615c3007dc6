// These tests do not prove that EventBridge matches the event as meant.
package observability

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDeploymentFailed(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.Both(t, color(colorArgs("green")))
	rule := r.Get(t, "aws:cloudwatch/eventRule:EventRule", "green-deployment-failed")
	assert.Equal(t, "codeflow-info-green-deployment-failed", rule.In("name"))
	assert.JSONEq(t, `{
		"source": ["aws.ecs"], "detail-type": ["ECS Deployment State Change"],
		"resources": [{"suffix": ":service/codeflow-green-cluster/codeflow-green-service"}],
		"detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]}}`, rule.In("eventPattern").(string))
	target := r.Get(t, "aws:cloudwatch/eventTarget:EventTarget", "green-deployment-failed")
	assert.Equal(t, map[string]any{"rule": "codeflow-info-green-deployment-failed", "arn": "arn:1"}, target.Inputs.Mappable())
}
