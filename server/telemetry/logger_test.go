package telemetry_test

import (
	"log/slog"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/telemetry"
)

func TestLogger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &container{}
		logger := telemetry.NewLogger(log, slog.LevelInfo, "codeflow-server", "1.2.3", "blue")
		time.Sleep(1234567 * time.Microsecond) // the clock began at midnight
		logger.Info("hello", "n", 1)
		logger.Debug("silent")
		logger.With("a", 1).WithGroup("g").Error("grouped", "time", time.Unix(0, 0).UTC())

		const prefix = `{"timestamp":"2000-01-01T00:00:01.234Z",`
		const fields = `"service":"codeflow-server","color":"blue","version":"1.2.3",`
		want := prefix + `"level":"INFO","msg":"hello",` + fields + `"n":1}` + "\n" +
			prefix + `"level":"ERROR","msg":"grouped",` + fields + `"a":1,"g":{"time":"1970-01-01T00:00:00Z"}}` + "\n"
		assert.Equal(t, want, log.String())
	})
}

func TestLevel(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ configured, once, twice slog.Level }{
		"debug": {slog.LevelDebug, slog.LevelDebug, slog.LevelDebug},
		"info":  {slog.LevelInfo, slog.LevelDebug, slog.LevelInfo},
		"warn":  {slog.LevelWarn, slog.LevelDebug, slog.LevelWarn},
		"error": {slog.LevelError, slog.LevelDebug, slog.LevelError},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := telemetry.ParseLevel(name)
			require.NoError(t, err)
			assert.Equal(t, tt.configured, l.Level())
			assert.Equal(t, tt.once, l.ToggleDebug())
			assert.Equal(t, tt.once, l.Level())
			assert.Equal(t, tt.twice, l.ToggleDebug())
		})
	}
	for _, name := range []string{"", "INFO", "trace", "info "} {
		_, err := telemetry.ParseLevel(name)
		assert.ErrorContains(t, err, "log level must be debug, info, warn or error, got", name)
	}
}

// TestToggledLevel sees health checks in the log only while debugging.
func TestToggledLevel(t *testing.T) {
	t.Parallel()
	log := &container{}
	level, err := telemetry.ParseLevel("info")
	require.NoError(t, err)
	tel, err := telemetry.New(&telemetry.Options{Logger: telemetry.NewLogger(log, level, "s", "1", "")})
	require.NoError(t, err)
	handler := tel.Middleware(mux(routes))

	get(handler, "/health")
	assert.Empty(t, log.String())
	level.ToggleDebug()
	get(handler, "/health")
	assert.Equal(t, "DEBUG", log.lines(t)[0]["level"])
	level.ToggleDebug()
	get(handler, "/health")
	assert.Len(t, log.lines(t), 1)
}

func keys(line map[string]any) []string { return slices.Sorted(maps.Keys(line)) }
