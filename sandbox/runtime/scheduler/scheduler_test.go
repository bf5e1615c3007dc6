// These tests play in fake time with fake tasks. That real processes behave so is
// what the tests of package runtime show.
package scheduler

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

func TestThreshold(t *testing.T) {
	t.Parallel()
	for desired, want := range map[int]int{1: 3, 6: 3, 7: 4, 25: 13, 400: 200, 800: 200} {
		assert.Equal(t, want, threshold(desired), desired)
	}
}

func TestFirstDeployment(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.settle(t, "good:1", nil)
		s := w.service()
		assert.Equal(t, []int{3, 3, 0}, []int{s.DesiredCount, s.RunningCount, s.PendingCount})
		assert.True(t, s.Steady)
		zones := map[string]int{}
		for _, task := range s.Tasks {
			zones[task.AvailabilityZone]++
			assert.True(t, task.Healthy)
			assert.Equal(t, Running, task.LastStatus)
			assert.Regexp(t, `^[0-9a-f]{32}$`, task.ID)
		}
		assert.Equal(t, map[string]int{"a": 1, "b": 1, "c": 1}, zones)
		require.Len(t, s.Deployments, 1)
		d := s.Deployments[0]
		assert.Equal(t, Completed, d.RolloutState)
		all := w.messages()
		assert.Equal(t, []string{
			"(service blue) has reached a steady state.", "(service blue) (deployment " + d.ID + ") deployment completed.",
			"(service blue) registered 1 targets in (target-group tg/blue)",
		}, all[:3])
		assert.Regexp(t, `^\(service blue\) has started 3 tasks: \(task [0-9a-f]{32}\) \(task [0-9a-f]{32}\) \(task [0-9a-f]{32}\)\.$`, all[len(all)-1])
	})
}

func TestRollingDeployment(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.settle(t, "good:1", nil)
		w.watch(t)
		w.settle(t, "good:2", nil)
		assert.Len(t, w.find("good:2"), 3)
		assert.Empty(t, w.find("good:1"))
		assert.EqualValues(t, 3, w.least.Load(), "never less than the minimum were healthy")
		assert.LessOrEqual(t, w.most.Load(), int64(6))
		stopped := w.service().StoppedTasks
		require.Len(t, stopped, 3)
		assert.Contains(t, stopped[0].StoppedReason, "Scaling activity initiated by (deployment ecs-svc/")
		assert.Equal(t, &task.Exit{}, stopped[0].Exit)
		assert.Contains(t, w.messages(), "(service blue) has begun draining connections on 1 tasks.")
		assert.Equal(t, "good:2", w.service().TaskDefinition)
	})
}

func TestBadReleasesAreRolledBack(t *testing.T) {
	for release, want := range map[string]struct{ reason, event string }{
		"crash": {"Essential container in task exited", ""},
		"migration fails": {
			"CannotStartContainerError: dependency graph", ") failed to start: CannotStartContainerError: dependency graph",
		},
		"missing": {"CannotPullContainerError: not found", "(service blue) is unable to consistently start tasks successfully."},
		"sick": {
			"Task failed ELB health checks in (target-group tg/blue)",
			"(service blue) (port 3000) is unhealthy in (target-group tg/blue) due to (reason Health checks failed with these codes: [503]).",
		},
	} {
		t.Run(release, func(t *testing.T) {
			play(t, func(t *testing.T, w *world) {
				w.settle(t, "good:1", nil)
				w.watch(t)
				err := wait(t, w.apply(t, release, nil))
				var failure *DeploymentError
				require.ErrorAs(t, err, &failure)
				assert.Equal(t, "tasks failed to start.", failure.Reason)
				assert.Equal(t, "good:1", failure.RolledBackTo)
				assert.EqualValues(t, 3, w.least.Load(), "the old tasks served all the time")
				s := w.service()
				assert.True(t, s.Steady, "the wait was for the rollback too")
				assert.Equal(t, "good:1", s.TaskDefinition)
				assert.Len(t, w.find("good:1"), 3)
				assert.Equal(t, want.reason, s.StoppedTasks[len(s.StoppedTasks)-1].StoppedReason)
				all := strings.Join(w.messages(), "\n")
				assert.Contains(t, all, "(service blue) rolling back to deployment "+s.Deployments[0].ID+".")
				assert.Contains(t, all, "(deployment "+failure.Deployment+") deployment failed: tasks failed to start.")
				assert.Contains(t, all, want.event)
				assert.Less(t, w.started.Load(), int64(3+10), "bad tasks are not started without end")
				require.ErrorContains(t, err, "rolled back to good:1: (service blue) (deployment")

				w.settle(t, "good:2", nil)
			})
		})
	}
}

func TestBreakerEndsWithTheFirstHealthyTask(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.settle(t, "good:1", func(s *Service) { s.DesiredCount = 1 })
		for range 5 { // it crashes again and again, but has been healthy each time.
			w.find("good:1")[0].finish(task.Exit{Code: 1})
			require.Eventually(t, func() bool { return w.healthy() == 1 }, time.Minute, time.Millisecond)
			time.Sleep(100 * time.Millisecond)
		}
		assert.Equal(t, Completed, w.service().Deployments[0].RolloutState)
		assert.Len(t, w.service().StoppedTasks, 5)
	})
}

func TestRollbackFails(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		alone := func(s *Service) { s.DesiredCount, s.DeploymentMaximumPercent = 1, 100 } // stops first.
		w.settle(t, "good:1", alone)
		w.lost.Store(true)
		err := wait(t, w.apply(t, "good:2", alone))
		require.ErrorContains(t, err, "rolled back to good:1")
		require.ErrorContains(t, err, "; and the rollback failed: deployment "+w.service().Deployments[0].ID)
		assert.Equal(t, Failed, w.service().Deployments[0].RolloutState)
		w.lost.Store(false)
		w.settle(t, "good:3", alone)
	})
}

func TestFirstDeploymentFails(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		err := wait(t, w.apply(t, "crash", nil))
		require.ErrorContains(t, err, "failed: tasks failed to start.: (service blue) (deployment")
		assert.Equal(t, Failed, w.service().Deployments[0].RolloutState)
		started := w.started.Load()
		time.Sleep(time.Minute)
		assert.Equal(t, started, w.started.Load(), "it launches no new tasks")
		w.settle(t, "good:1", nil)
	})
}

func TestWithoutBreakerItTriesOn(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		off := func(s *Service) { s.DeploymentCircuitBreaker = CircuitBreaker{} }
		d := w.apply(t, "crash", off)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, d.Wait(ctx), context.DeadlineExceeded)
		assert.Equal(t, InProgress, w.service().Deployments[0].RolloutState)
		assert.Less(t, w.started.Load(), int64(40), "and ever more slowly")
		next := w.apply(t, "good:1", off)
		require.ErrorIs(t, d.Wait(t.Context()), errSuperseded)
		require.NoError(t, wait(t, next))
	})
}

func TestAlarmsRollBack(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		alarmed := func(s *Service) {
			s.Alarms = Alarms{AlarmNames: []string{"quiet", "5xx"}, Enable: true, Rollback: true, BakeTime: 120}
		}
		began := time.Now()
		w.settle(t, "good:1", alarmed)
		assert.Greater(t, time.Since(began), 2*time.Second, "the bake time")

		d := w.apply(t, "good:2", alarmed)
		time.Sleep(1500 * time.Millisecond)
		assert.Empty(t, w.find("good:1"), "it is baking")
		w.ring("5xx", true)
		err := wait(t, d)
		require.ErrorContains(t, err, "alarm detected: 5xx., rolled back to good:1")
		assert.Len(t, w.find("good:1"), 3)

		w.settle(t, "good:3", alarmed)
		assert.Contains(t, strings.Join(w.messages(), "\n"), "ignores the alarms: 5xx was in ALARM before it began.")
		w.ring("5xx", false)
		d = w.apply(t, "good:4", alarmed)
		time.Sleep(100 * time.Millisecond)
		w.ring("5xx", true)
		require.ErrorContains(t, wait(t, d), "rolled back to good:3")
	})
}

func (w *world) ring(name string, on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ringing[name] = on
}

func TestSickAndCrashedTasksAreReplaced(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.settle(t, "good:1", nil)
		tasks := w.find("good:1")
		tasks[0].finish(task.Exit{Code: 3, Reason: "exit status 3"})
		synctest.Wait()
		assert.Len(t, w.service().Tasks, 3, "at once")
		assert.False(t, w.service().Steady)
		require.Eventually(t, func() bool { return w.healthy() == 3 }, time.Minute, time.Millisecond)

		w.mu.Lock()
		tasks[1].sick = true
		w.mu.Unlock()
		require.Eventually(t, func() bool { return w.healthy() == 3 && w.service().Steady }, time.Minute, time.Millisecond)
		select {
		case <-tasks[1].done:
		default:
			t.Error("the sick task still runs")
		}
		assert.EqualValues(t, 4, w.most.Load(), "the replacement was started first")
	})
}

func TestContainerHealth(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		checked := func(s *Service) {
			s.TaskDefinition.Containers[0].HealthCheck = &task.HealthCheck{Command: []string{"CMD", "/check"}}
			s.HealthCheckGracePeriodSeconds, s.DesiredCount = 60, 1
		}
		d := w.apply(t, "good:1", checked)
		time.Sleep(500 * time.Millisecond)
		assert.Equal(t, InProgress, w.service().Deployments[0].RolloutState, "the target is healthy, the container unknown")
		first := w.find("good:1")[0]
		w.setHealth(first, task.Unhealthy)
		time.Sleep(1400 * time.Millisecond)
		assert.EqualValues(t, 1, w.started.Load(), "the grace period is not over: 2 s, since programs take their own time")
		time.Sleep(400 * time.Millisecond)
		assert.EqualValues(t, 2, w.started.Load())
		assert.Contains(t, strings.Join(w.messages(), "\n"), fmt.Sprintf("(service blue) (task %s) failed container health checks.", first.request.ID))
		for _, f := range w.find("good:1") {
			w.setHealth(f, task.Healthy)
		}
		require.NoError(t, wait(t, d))
	})
}

func (w *world) setHealth(f *fake, health task.Health) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f.health = health
}

func TestWithoutChecksATaskIsHealthyAfterAWhile(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		began := time.Now()
		w.settle(t, "good:1", func(s *Service) { s.LoadBalancers = nil })
		assert.InDelta(t, 40.0/60+0.05, time.Since(began).Seconds(), 0.05, "40 s at scale 60, and the start")
	})
}

// TestMigration plays tasks that run only when their migration has.
func TestMigration(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.settle(t, "good:1", nil)
		d := w.apply(t, "migrates", nil)
		time.Sleep(time.Second)
		s := w.service()
		assert.Equal(t, []int{3, 3}, []int{s.RunningCount, s.PendingCount})
		assert.Len(t, w.find("good:1"), 3)
		migrating := w.find("migrates")
		for _, f := range migrating {
			assert.False(t, f.registered)
			close(f.running)
		}
		require.NoError(t, wait(t, d))
		assert.Len(t, w.find("migrates"), 3)

		w.apply(t, "migrates", func(s *Service) { s.ForceNewDeployment = true })
		time.Sleep(time.Second)
		require.NoError(t, w.Remove(t.Context(), "blue"), "those that never ran are stopped too")
	})
}

func TestUtilization(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		_, _, ok := w.Utilization("blue")
		assert.False(t, ok)
		w.settle(t, "good:1", nil)
		time.Sleep(3 * time.Second)
		cpu, memory, ok := w.Utilization("blue")
		require.True(t, ok)
		assert.InDelta(t, 50, cpu, 0.1, "a quarter of a processor of 512 units")
		assert.InDelta(t, 25, memory, 0.1, "256 of 1024 MiB")
	})
}

func TestZoneDown(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.settle(t, "good:1", nil)
		w.mu.Lock()
		w.downZones["b"] = true
		w.mu.Unlock()
		for _, f := range w.find("good:1") {
			if f.request.Zone == "b" {
				f.Kill()
			}
		}
		require.Eventually(t, func() bool { return w.healthy() == 3 }, time.Minute, time.Millisecond)
		for _, f := range w.find("good:1") {
			assert.NotEqual(t, "b", f.request.Zone)
		}
		w.mu.Lock()
		w.downZones["a"], w.downZones["c"] = true, true
		w.mu.Unlock()
		w.find("good:1")[0].Kill()
		time.Sleep(time.Second)
		assert.Contains(t, w.messages(), "(service blue) was unable to place a task. Reason: Capacity is unavailable at this time. "+
			"Please try again later or in a different availability zone.")
		assert.Len(t, w.service().Tasks, 2)
	})
}

func TestThrottled(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.throttled = true
		d := w.apply(t, "good:1", nil)
		time.Sleep(time.Second)
		assert.Zero(t, w.started.Load())
		assert.Equal(t, []string{"(service blue) operations are being throttled. Will try again later."}, w.messages())
		w.mu.Lock()
		w.throttled = false
		w.mu.Unlock()
		require.NoError(t, wait(t, d))
	})
}

func TestChangesInPlace(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.settle(t, "good:1", nil)
		before := w.service().Deployments[0].ID
		w.settle(t, "good:1", func(s *Service) { s.DesiredCount = 5 })
		assert.Len(t, w.find("good:1"), 5)
		w.settle(t, "good:1", func(s *Service) { s.DesiredCount = 2 })
		assert.Len(t, w.find("good:1"), 2)
		assert.Equal(t, before, w.service().Deployments[0].ID)
		w.settle(t, "good:1", func(s *Service) { s.DesiredCount, s.ForceNewDeployment = 2, true })
		assert.NotEqual(t, before, w.service().Deployments[0].ID)
		d := w.apply(t, "good:2", func(s *Service) {
			s.DesiredCount, s.DeploymentMinimumHealthyPercent, s.DeploymentMaximumPercent = 2, 100, 100
		})
		time.Sleep(time.Second)
		assert.Contains(t, w.messages()[0], "was unable to stop or start tasks during a deployment")
		w.settle(t, "good:2", func(s *Service) { s.DesiredCount, s.DeploymentMaximumPercent = 2, 100 })
		require.NoError(t, wait(t, d))
	})
}

func TestTargetTracking(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		scaling := func(s *Service) {
			s.DesiredCount = 1
			s.Scaling = &Scaling{MinCapacity: 2, MaxCapacity: 6, TargetValue: 100, ScaleInCooldown: 300, ScaleOutCooldown: 60}
		}
		w.settle(t, "good:1", scaling)
		assert.Len(t, w.find("good:1"), 2, "the minimum")
		w.requests.Store(500)
		time.Sleep(6 * time.Second)
		assert.Len(t, w.find("good:1"), 5)
		assert.Contains(t, strings.Join(w.messages(), "\n"), "desired count changed from 2 to 5: 250 requests per target and minute, target 100.")
		w.settle(t, "good:2", scaling)
		assert.Len(t, w.find("good:2"), 5, "an update keeps the count")
		w.requests.Store(5000)
		time.Sleep(6 * time.Second)
		assert.Len(t, w.find("good:2"), 6, "the maximum")
		w.requests.Store(100)
		time.Sleep(18 * time.Second)
		assert.Len(t, w.find("good:2"), 5, "after fifteen minutes, one less")
		w.requests.Store(0)
		time.Sleep(time.Minute)
		assert.Len(t, w.find("good:2"), 5, "no data is no reason")
	})
}

func TestRemove(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.settle(t, "good:1", nil)
		pending := w.apply(t, "good:2", nil)
		time.Sleep(30 * time.Millisecond) // its tasks are being pulled.
		began := time.Now()
		require.NoError(t, w.Remove(t.Context(), "blue"))
		assert.Greater(t, time.Since(began), 400*time.Millisecond, "it drains")
		require.ErrorIs(t, pending.Wait(t.Context()), errRemoved)
		assert.Empty(t, w.Status())
		assert.Empty(t, w.tasks)
		require.NoError(t, w.Remove(t.Context(), "blue"))
		w.settle(t, "good:3", nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, w.Remove(ctx, "blue"), context.Canceled)
		_, err := w.Apply(spec("good:4", nil))
		require.ErrorContains(t, err, "is being removed")
	})
}

func TestClose(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.settle(t, "good:1", nil)
		pending := w.apply(t, "good:2", nil)
		time.Sleep(30 * time.Millisecond)
		began := time.Now()
		w.Close()
		assert.Less(t, time.Since(began), 100*time.Millisecond)
		require.ErrorIs(t, pending.Wait(t.Context()), errClosed)
		_, err := w.Apply(spec("good:3", nil))
		require.ErrorContains(t, err, "the scheduler is closed")
	})
}

func TestRefused(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	for want, change := range map[string]func(*Service){
		"Name and TaskDefinition.ARN are required":           func(s *Service) { s.Name = "" },
		"AvailabilityZones must have at least one zone":      func(s *Service) { s.AvailabilityZones = nil },
		"DesiredCount must not be negative, got -1":          func(s *Service) { s.DesiredCount = -1 },
		"Scaling needs 0 <= MinCapacity <= MaxCapacity":      func(s *Service) { s.Scaling = &Scaling{MinCapacity: 2, MaxCapacity: 1} },
		"LoadBalancers must name the first container with a": func(s *Service) { s.LoadBalancers[0].ContainerPort = 80 },
		`container "server": name and image are required`:    func(s *Service) { s.TaskDefinition.Containers[0].Image = "" },
	} {
		_, err := s.Apply(spec("good:1", change))
		require.ErrorContains(t, err, want)
	}
}
