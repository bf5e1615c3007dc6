package ops_test

import (
	"testing"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops/opstest"
)

func TestFakeKeepsTheContract(t *testing.T) {
	t.Parallel()
	fake := opstest.New()
	var green opstest.Color
	fake.Edit(func(s *opstest.State) {
		blue := s.Colors["blue"]
		blue.Errors, blue.P95 = 0.02, 300*time.Millisecond
		green = *s.Colors["green"]
		s.Colors["green"].Targets = ops.Targets{Healthy: 2, Unhealthy: 1}
		s.Colors["green"].Alarms = []string{"codeflow-green-5xx"}
		s.Records = ops.Weights{"blue": 90, "green": 10}
		s.Load, s.Only = 5, "blue"
	})
	opstest.Contract(t, opstest.Account{Cloud: fake, TaskDefinition: green.TaskDefinition, Other: green.Release.PreviousTaskDefinition})
}
