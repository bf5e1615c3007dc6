package main

// These tests hold what the program registers against the schema of the real
// provider. They do not prove that AWS accepts the values.

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud/schema"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
)

// lacking are the types that the program registers and the schema does not have.
var lacking = []string{}

func TestInputsFitTheSchema(t *testing.T) {
	t.Parallel()
	s := onPaper(t, withAll)
	types, without := map[string]bool{}, map[string]bool{}
	resources, properties := 0, 0
	for _, stack := range engine.Names {
		for _, r := range registered(t, s, stack) {
			token := string(r.Type)
			typ, ok := schema.Lookup(token)
			if !ok {
				without[token] = true
				continue
			}
			types[token] = true
			resources++
			properties += count(r.Inputs)
			assert.Empty(t, typ.Check(opened(r.Inputs).(map[string]any)), r.URN)
		}
	}
	t.Logf("%d types, %d resources, %d properties: the schema lacks %d types", len(types), resources, properties, len(without))
	assert.Equal(t, lacking, append([]string{}, slices.Sorted(maps.Keys(without))...))
}

// TestWrongInputsAreFound shows that each kind of problem is one.
func TestWrongInputsAreFound(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	for name, test := range map[string]struct {
		token, problem string
		inputs         object
	}{
		"unknown":      {"aws:ec2/vpc:Vpc", "unknown property", object{"cidr": "10.0.0.0/16"}},
		"an output":    {"aws:ec2/vpc:Vpc", "is an output", object{"arn": "arn:aws:ec2"}},
		"missing":      {"aws:ec2/subnet:Subnet", "missing required property", object{}},
		"wrong type":   {"aws:ec2/vpc:Vpc", "must be a boolean", object{"enableDnsSupport": "perhaps"}},
		"too few":      {"aws:lb/listener:Listener", "needs at least 1", object{"loadBalancerArn": "a", "defaultActions": []any{}}},
		"in a block":   {"aws:lb/targetGroup:TargetGroup", "unknown property", object{"healthCheck": object{"paths": "/"}}},
		"a plain list": {"aws:ecs/service:Service", "must be a list", object{"name": "n", "placementConstraints": "x"}},
		"too many": {"aws:ecs/service:Service", "takes at most 5", object{"name": "n", "orderedPlacementStrategies": []any{
			object{"type": "a"}, object{"type": "b"}, object{"type": "c"}, object{"type": "d"}, object{"type": "e"}, object{"type": "f"},
		}}},
	} {
		typ, ok := schema.Lookup(test.token)
		require.True(t, ok, name)
		problems := typ.Check(test.inputs)
		require.Len(t, problems, 1, name)
		assert.Contains(t, problems[0].String(), test.problem, name)
	}
}

// secretKey marks a value that the engine keeps encrypted.
const secretKey = "4dabf18193072939515e22adb298388d"

// opened has an unknown value in the place of each secret.
func opened(value any) any {
	switch value := value.(type) {
	case []any:
		list := make([]any, len(value))
		for i := range value {
			list[i] = opened(value[i])
		}
		return list
	case map[string]any:
		if _, secret := value["ciphertext"]; secret && value[secretKey] != nil {
			return schema.Unknown{}
		}
		object := map[string]any{}
		for name, field := range value {
			object[name] = opened(field)
		}
		return object
	}
	return value
}

// count is how many values there are that are neither lists nor objects.
func count(value any) (n int) {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			n += count(element)
		}
		return n
	case map[string]any:
		for _, field := range value {
			n += count(field)
		}
		return n
	}
	return 1
}
