package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const schemaFile = `{"aws_thing": {"block": {
	"attributes": {
		"id": {"type": "string", "optional": true, "computed": true},
		"tags_all": {"type": ["map", "string"], "optional": true, "computed": true},
		"secret_wo": {"type": "string", "optional": true},
		"subnet_id": {"type": ["set", "string"], "required": true},
		"password": {"type": "string", "optional": true, "sensitive": true},
		"state": {"type": ["list", ["object", {"last_policy": "bool"}]], "computed": true}
	},
	"block_types": {
		"timeouts": {"nesting_mode": "single", "block": {}},
		"health_check": {"nesting_mode": "list", "max_items": 1, "block": {"attributes": {
			"path": {"type": "string", "required": true}, "port": {"type": "number", "optional": true}
		}}},
		"rule": {"nesting_mode": "set", "min_items": 2, "max_items": 9, "block": {"attributes": {
			"name": {"type": "string", "required": true}
		}}}
	}
}}}`

func generate(t *testing.T, replaces string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"schema": schemaFile, "replaces": replaces} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	var out bytes.Buffer
	err := run(&out, filepath.Join(dir, "schema"), filepath.Join(dir, "replaces"))
	return out.String(), err
}

func TestRun(t *testing.T) {
	t.Parallel()
	out, err := generate(t, `{"types": {"aws:a/thing:Thing": {"terraform": "aws_thing", "properties": {
		"subnetIds": "replace", "healthCheck": "replace", "healthCheck.path": "update", "rules": "depends: on the moon"
	}}}}`)
	require.NoError(t, err)
	want := `"aws:a/thing:Thing":{"healthCheck":{"":"o?^","path":"s!","port":"n?^"},"password":"s?$",` +
		`"rules":{"":"<o>!+2-9~","name":"s!~"},"states":{"":"[o]=","lastPolicy":"b?"},"subnetIds":"<s>!^","tagsAll":"{s}="}`
	require.Equal(t, "{\"types\":{\n"+want+"\n},\n\"shared\":{\n\n}}\n", out)

	_, err = generate(t, `{"types": {"aws:a/thing:Thing": {"terraform": "aws_thing", "properties": {"subnets": "replace"}}}}`)
	require.ErrorContains(t, err, "add overrides to names.go:\naws:a/thing:Thing subnets")
	_, err = generate(t, `{"types": {"aws:b/b:B": {"terraform": "aws_b"}}}`)
	require.ErrorContains(t, err, `type "aws:b/b:B": no Terraform schema "aws_b"`)
}

func TestSharedObjects(t *testing.T) {
	t.Parallel()
	long := map[string]*node{strings.Repeat("x", shareFrom): {kind: "s", flags: "?"}}
	tree := func() *node {
		return &node{kind: "o", props: map[string]*node{
			"a": {kind: "o", flags: "?", props: long}, "b": {kind: "[o]", flags: "!", props: long},
		}}
	}
	var out bytes.Buffer
	require.NoError(t, write(&out, map[string]*node{"t": tree()}))
	require.Contains(t, out.String(), `"t":{"a":{"":"o?","@":"a1"},"b":{"":"[o]!","@":"a1"}}`)
	require.Equal(t, 1, strings.Count(out.String(), "xxxx\":\"s?\""), "the object is written once")
}

func TestPulumiName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"cidr_block": "cidrBlock", "arn": "arn", "ipv6_cidr_block": "ipv6CidrBlock"} {
		require.Equal(t, want, pulumiName("", name, false))
	}
	for name, want := range map[string]string{"subnet_id": "subnetIds", "policy": "policies", "tags": "tags"} {
		require.Equal(t, want, pulumiName("", name, true))
	}
	require.Equal(t, "topic", pulumiName("aws_sns_topic_subscription.topic_arn", "topic_arn", false))
}
