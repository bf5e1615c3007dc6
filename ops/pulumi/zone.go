package pulumi

import (
	"context"
	"errors"
	"fmt"
)

// Zone returns the id of the platform's hosted zone, which is one of its outputs. They
// are read once.
func (s *Stacks) Zone(ctx context.Context) (string, error) {
	s.mu.Lock()
	known := s.zone
	s.mu.Unlock()
	if known != "" {
		return known, nil
	}
	outputs, err := s.Outputs(ctx, s.opts.Platform)
	if err == nil && outputs["zoneId"] == "" {
		err = errors.New("it has no output zoneId: bring it up with pulumi up")
	}
	if err != nil {
		return "", fmt.Errorf("stack %q: %w", s.opts.Platform, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zone = outputs["zoneId"]
	return s.zone, nil
}
