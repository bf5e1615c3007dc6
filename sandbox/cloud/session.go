package cloud

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"sync"

	"google.golang.org/grpc/stats"
)

// session is the configuration of one provider instance. Requests carry no
// provider id, but every instance has a connection of its own.
type session struct {
	mu          sync.Mutex
	region      string
	defaultTags map[string]any
	caller      string
}

type sessionKey struct{}

// sessions gives each connection a session.
type sessions struct{}

func (sessions) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	return context.WithValue(ctx, sessionKey{}, &session{})
}
func (sessions) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }
func (sessions) HandleConn(context.Context, stats.ConnStats)                     {}
func (sessions) HandleRPC(context.Context, stats.RPCStats)                       {}

// sessionOf returns a copy of the configuration of the request's provider.
func sessionOf(ctx context.Context) (region string, defaultTags map[string]any, err error) {
	s, ok := ctx.Value(sessionKey{}).(*session)
	if !ok {
		return "", nil, fmt.Errorf("the request came over no known connection")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.region == "" {
		return "", nil, fmt.Errorf("the provider is not configured")
	}
	return s.region, s.defaultTags, nil
}

// callerOf is who the request's provider works as, [NobodyAsks] when it does not say.
func callerOf(ctx context.Context) string {
	s, ok := ctx.Value(sessionKey{}).(*session)
	if !ok {
		return NobodyAsks
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.caller, NobodyAsks)
}

var regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)

// configure reads the provider's configuration.
func (s *session) configure(config props) error {
	region := config.str("region")
	for _, variable := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if region == "" {
			region = os.Getenv(variable)
		}
	}
	if region == "" {
		return fmt.Errorf("missing region information: set aws:region, or the region of the provider")
	}
	if !regionName.MatchString(region) {
		return fmt.Errorf("invalid AWS Region: %s", region)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.region = region
	s.defaultTags = nested(config["defaultTags"], "tags")
	return nil
}

// nested returns an object inside an object. The engine may pass the outer one
// as JSON text.
func nested(value any, name string) map[string]any {
	if document, ok := value.(string); ok {
		var object map[string]any
		if json.Unmarshal([]byte(document), &object) != nil {
			return nil
		}
		value = object
	}
	outer, _ := value.(map[string]any)
	inner, _ := outer[name].(map[string]any)
	return inner
}
