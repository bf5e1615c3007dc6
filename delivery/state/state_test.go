// The states are made of a few resources. That the engine's own states pass is for the
// sandbox, whose workflows and traffic controller check each of theirs.
package state_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/state"
)

const (
	urn  = "urn:pulumi:prod::codeflow::"
	kms  = "awskms:///arn:aws:kms:eu-central-1:123456789012:key/1?region=eu-central-1"
	file = "secretsprovider: " + kms + "\nencryptedkey: AQID\nconfig: {}\n"
)

type object = map[string]any

// good is a state of this program's.
func good() object {
	version := state.Plugins()["aws"][0]
	return object{"version": 3, "deployment": object{
		"secrets_providers": object{"type": "cloud", "state": object{"url": kms, "encryptedkey": "AQID"}},
		"resources": []any{
			object{"urn": urn + "pulumi:pulumi:Stack::codeflow-prod", "type": "pulumi:pulumi:Stack"},
			object{"urn": urn + "pulumi:providers:pulumi::default", "type": "pulumi:providers:pulumi", "id": "1"},
			object{"urn": urn + "pulumi:providers:aws::aws", "type": "pulumi:providers:aws", "id": "2", "inputs": object{
				"__internal": object{}, "region": "eu-central-1", "version": version, "defaultTags": object{"tags": object{"Project": "codeflow"}},
			}},
			object{
				"urn": urn + "codeflow:rds:Database$aws:rds/instance:Instance::database", "type": "aws:rds/instance:Instance", "id": "db",
				"provider": urn + "pulumi:providers:aws::aws::2",
			},
			object{
				"urn": urn + "pulumi:pulumi:StackReference::organization/codeflow/blue", "type": "pulumi:pulumi:StackReference", "id": "organization/codeflow/blue",
				"provider": urn + "pulumi:providers:pulumi::default::1",
			},
		},
	}}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	resources := func(s object) []any { return s["deployment"].(object)["resources"].([]any) }
	inputs := func(s object) object { return resources(s)[2].(object)["inputs"].(object) }
	add := func(r object) func(object) {
		return func(s object) { s["deployment"].(object)["resources"] = append(resources(s), r) }
	}
	secrets := func(kind string, of object) func(object) {
		return func(s object) {
			s["deployment"].(object)["secrets_providers"] = object{"type": kind, "state": of}
		}
	}
	foreign := object{"urn": urn + "pulumi:providers:command::c", "type": "pulumi:providers:command", "id": "3", "inputs": object{"version": "1.0.0"}}
	for name, c := range map[string]struct {
		change func(object)
		file   string
		want   string
	}{
		"this program's":    {func(object) {}, file, ""},
		"not up yet":        {func(s object) { s["deployment"] = nil }, "config: {}\n", ""},
		"a passphrase":      {secrets("passphrase", object{"salt": "v1:a"}), "encryptionsalt: v1:a\n", ""},
		"nothing":           {func(s object) { delete(s, "version") }, file, "it must be what pulumi stack export prints"},
		"a broken file":     {func(object) {}, "a: [", `reading the file of stack "prod"`},
		"a plugin's URL":    {func(s object) { inputs(s)["__internal"] = object{"pluginDownloadURL": "https://evil.example"} }, file, `no such "__internal"`},
		"an older URL":      {func(s object) { inputs(s)["pluginDownloadURL"] = "https://evil.example" }, file, `no such "pluginDownloadURL" on a provider, got "https://evil.example"`},
		"an endpoint":       {func(s object) { inputs(s)["endpoints"] = []any{object{"s3": "https://evil.example"}} }, file, `no such "endpoints"`},
		"a file of AWS":     {func(s object) { inputs(s)["sharedConfigFiles"] = `["agents/own/config"]` }, file, `no such "sharedConfigFiles"`},
		"another version":   {func(s object) { inputs(s)["version"] = "6.0.0" }, file, `, got "6.0.0"`},
		"no version":        {func(s object) { delete(inputs(s), "version") }, file, `, got ""`},
		"another provider":  {add(foreign), file, `the program has no provider "command"`},
		"hidden in its URN": {add(object{"urn": foreign["urn"], "type": "aws:s3/bucket:Bucket"}), file, `its type must be that of its URN, "pulumi:providers:command"`},
		"another package":   {add(object{"urn": urn + "command:local:Command::c", "type": "command:local:Command"}), file, `no resources of package "command"`},
		"of no provider": {add(object{
			"urn": urn + "aws:s3/bucket:Bucket::b", "type": "aws:s3/bucket:Bucket", "provider": urn + "pulumi:providers:aws::other::9",
		}), file, `must be one of package "aws" in this state`},
		"of another's provider": {add(object{
			"urn": urn + "aws:s3/bucket:Bucket::b", "type": "aws:s3/bucket:Bucket", "provider": urn + "pulumi:providers:pulumi::default::1",
		}), file, `must be one of package "aws" in this state`},
		"pending": {func(s object) {
			s["deployment"].(object)["pending_operations"] = []any{object{"resource": foreign, "type": "creating"}}
		}, file, `the program has no provider "command"`},
		"another key":        {secrets("cloud", object{"url": "hashivault://evil"}), file, "secrets provider \"cloud hashivault://evil\": Pulumi.prod.yaml has cloud " + kms},
		"another kind":       {secrets("passphrase", object{"salt": "v1:a"}), file, `secrets provider "passphrase`},
		"another passphrase": {secrets("passphrase", object{"salt": "v1:b"}), "encryptionsalt: v1:a\n", "has passphrase v1:a"},
		"none committed":     {func(object) {}, "config: {}\n", "commit the secretsprovider"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := good()
			c.change(s)
			text, err := json.Marshal(s)
			require.NoError(t, err)
			err = state.Check("prod", text, []byte(c.file))
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, `stack "prod"`)
		})
	}
	assert.ErrorContains(t, state.Check("prod", nil, nil), "cannot be read")
}

// The program's own versions are among those that a state may name.
func TestPluginsAreTheProgramsOwn(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	sdks := regexp.MustCompile(`(?m)^\tgithub.com/pulumi/pulumi-(\w+)/sdk/v\d+ v(\S+)$`).FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, sdks)
	for _, sdk := range sdks {
		assert.Contains(t, state.Plugins()[sdk[1]], sdk[2], "%s: add its line to plugins.lock", sdk[1])
	}
	assert.Len(t, state.Plugins(), len(sdks), "a plugin that the program does not use")

	lock, err := os.ReadFile("plugins.lock")
	require.NoError(t, err)
	for line := range strings.Lines(string(lock)) {
		assert.Regexp(t, `^(#.*|[a-z]+ \d+\.\d+\.\d+( [0-9a-f]{64})?)\n$`, line)
	}
}
