package telemetry

import (
	"fmt"
	"log/slog"
)

// Level is a log level that can be switched to debug and back while the server
// runs. It is safe for concurrent use.
type Level struct {
	current    slog.LevelVar
	configured slog.Level
}

// ParseLevel returns the level with a name: debug, info, warn or error.
func ParseLevel(name string) (*Level, error) {
	level, ok := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}[name]
	if !ok {
		return nil, fmt.Errorf("log level must be debug, info, warn or error, got %q", name)
	}
	l := &Level{configured: level}
	l.current.Set(level)
	return l, nil
}

// Level implements [slog.Leveler].
func (l *Level) Level() slog.Level { return l.current.Level() }

// ToggleDebug switches to debug, or from there back to the configured level,
// and returns the new one.
func (l *Level) ToggleDebug() slog.Level {
	level := slog.LevelDebug
	if l.Level() == slog.LevelDebug {
		level = l.configured
	}
	l.current.Set(level)
	return level
}
