// Package reference has what AWS documents of each action that the project knows: the
// kinds of resources that it is on, and the tags that a condition may be on.
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
package reference

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

//go:embed reference.json
var text []byte

// Service is one service, such as "ecs".
type Service struct {
	All     int               `json:"all"`  // how many actions AWS has
	ARNs    map[string]string `json:"arns"` // by kind of resource
	Actions map[string]Action `json:"actions"`
}

// Action is one action.
type Action struct {
	Level string   `json:"level"` // such as "Read" or "Tagging, Write"
	Kinds []string `json:"kinds"` // of resource; none: only "*"
	Tags  []string `json:"tags"`  // "request" and "resource"
}

// Services are all, by their prefix.
var Services = sync.OnceValue(func() map[string]Service {
	var all struct {
		Services map[string]Service `json:"services"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		panic(fmt.Sprintf("reference.json: %v", err)) // it is compiled in
	}
	return all.Services
})

// Find looks an action up, such as "ecs:UpdateService", and the patterns of the ARNs of
// its kinds, with placeholders as "*".
func Find(action string) (found Action, patterns []string, ok bool) {
	prefix, name, _ := strings.Cut(action, ":")
	service := Services()[prefix]
	found, ok = service.Actions[name]
	for _, kind := range found.Kinds {
		patterns = append(patterns, wild(service.ARNs[kind]))
	}
	return found, patterns, ok
}

// wild turns each placeholder, ${Name}, into "*".
func wild(arn string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(arn, "${")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteByte('*')
		_, arn, _ = strings.Cut(rest, "}")
	}
}
