package policies_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/policies"
)

const (
	urn     = "urn:pulumi:prod::codeflow::codeflow:vpc:VPC$aws:s3/bucketV2:BucketV2::logs"
	bucket  = `{"urn":"` + urn + `","type":"aws:s3/bucketV2:BucketV2","custom":true,"id":"logs-1","parent":"p","provider":"q","protect":true,"inputs":{"bucket":"logs-1","forceDestroy":true},"propertyDependencies":{"bucket":["u"]}}`
	unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
	secret  = `{"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270","plaintext":"\"hunter2\""}`
	sealed  = `{"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270","ciphertext":"v1:abc"}`
	asset   = `{"4dabf18193072939515e22adb298388d":"c44067f5952c0a294b673a41bacd8c17","text":"x"}`
)

func decode(text string) ([]policies.Resource, error) {
	return policies.Decode(strings.NewReader(text))
}

func TestDecodeEachForm(t *testing.T) {
	t.Parallel()
	want := []policies.Resource{{
		URN: urn, Type: "aws:s3/bucketV2:BucketV2", Name: "logs", ID: "logs-1", Parent: "p", Provider: "q",
		Inputs:       map[string]any{"bucket": "logs-1", "forceDestroy": true},
		Dependencies: map[string][]string{"bucket": {"u"}}, Protect: true,
	}}
	for name, text := range map[string]string{
		"preview": `{"config":{},"steps":[{"op":"update","urn":"u","oldState":{},"newState":%s}],"diagnostics":[{"severity":"warning"}],"changeSummary":{"update":1,"same":0}}`,
		"export":  `{"version":3,"deployment":{"manifest":{},"resources":[%s]}}`,
		"state":   `{"version":3,"checkpoint":{"stack":"s","latest":{"resources":[%s]}}}`,
	} {
		got, err := decode(fmt.Sprintf(text, bucket))
		require.NoError(t, err, name)
		assert.Equal(t, want, got, name)
	}
	assert.Equal(t, "prod/logs BucketV2", want[0].String())
}

func TestDecodeMarksValues(t *testing.T) {
	t.Parallel()
	got, err := decode(fmt.Sprintf(`{"steps":[{"newState":{"urn":%q,"type":"t","id":%q,"inputs":
		{"a":%q,"b":["x",%q],"c":%s,"d":{"e":%s},"f":"[secret]","g":%s,"h":null}}}]}`, urn, unknown, unknown, unknown, secret, sealed, asset))
	require.NoError(t, err)
	assert.Empty(t, got[0].ID)
	inputs := got[0].Inputs
	assert.Equal(t, policies.Unknown, inputs["a"])
	assert.Equal(t, []any{"x", policies.Unknown}, inputs["b"])
	assert.Equal(t, policies.Secret, inputs["c"])
	assert.Equal(t, map[string]any{"e": policies.Secret}, inputs["d"])
	assert.Equal(t, policies.Secret, inputs["f"])
	assert.Contains(t, inputs["g"], "text", "an asset is no secret")
	assert.NotContains(t, fmt.Sprint(got), "hunter2")
}

func TestDecodeTakesWhatWillBe(t *testing.T) {
	t.Parallel()
	step := func(op, name, fields string) string {
		return fmt.Sprintf(`{"op":%q,"oldState":{"id":"id"},"newState":{"urn":"urn:pulumi:s::p::t::%s","type":"t"%s}}`, op, name, fields)
	}
	got, err := decode(`{"steps":[` + strings.Join([]string{
		`{"op":"delete","oldState":{"urn":"urn:pulumi:s::p::t::gone","type":"t"}}`,
		step("create-replacement", "b", `,"inputs":{"v":1}`), step("replace", "b", `,"inputs":{"v":2}`),
		step("read", "reference", `,"external":true`), step("same", "old", `,"delete":true`), step("same", "a", ""),
	}, ",") + `],"changeSummary":{"same":2}}`)
	require.NoError(t, err)
	require.Len(t, got, 2)
	assert.Equal(t, []string{"b", "a"}, []string{got[0].Name, got[1].Name})
	assert.Equal(t, 2.0, got[0].Inputs["v"])
	assert.Equal(t, []string{"", "id"}, []string{got[0].ID, got[1].ID}, "what stays keeps its ID")
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                            "not JSON of pulumi preview --json",
		"[]":                          "not JSON of pulumi preview --json",
		"{}":                          "there are none in steps",
		`{"steps":[]}`:                "there are none in steps",
		`{"deployment":null}`:         "there are none in steps",
		`{"steps":[{"newState":3}]}`:  "not JSON of pulumi preview --json",
		`{"steps":[{"newState":{}}]}`: `resource 0: URN "" and type "" are not a resource's`,
		`{"deployment":{"resources":[{"urn":"a::b","type":"t"}]}}`:                         `URN "a::b"`,
		`{"deployment":{"resources":[{"urn":"urn:pulumi:s::p::t::n","inputs":[]}]}}`:       "not JSON of pulumi preview --json",
		`{"steps":[{"newState":` + bucket + `}]} {}`:                                       "after top-level value",
		`{"steps":[],"diagnostics":[{"severity":"error","message":"it broke\n"}]}`:         "the preview failed, so its resources are not complete: it broke",
		`{"checkpoint":{"latest":{"resources":[{"urn":"urn:pulumi:s::p::t::n"}]}}}`:        `type "" are not a resource's`,
		`{"steps":[{"op":"update","newState":` + bucket + `}],"changeSummary":{"same":2}}`: "leaves out 2 resources that stay the same: run pulumi preview --json --show-sames",
		`{"steps":[{"newState":` + bucket + `}],"diagnostics":[{"severity":"error"}]}`:     "the preview failed",
	} {
		_, err := decode(text)
		assert.ErrorContains(t, err, want, text)
	}
}

// No document makes the decoder or a rule panic.
func FuzzDecode(f *testing.F) {
	f.Add(`{"steps":[{"newState":` + bucket + `}]}`)
	f.Add(`{"deployment":{"resources":[` + bucket + `]}}`)
	for _, property := range []string{`"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\"}]}"`, `"{"`, `[null]`, `{"Statement":3}`, secret} {
		f.Add(`{"steps":[{"newState":{"urn":"urn:pulumi:s::p::t::n","type":"aws:iam/role:Role","inputs":{"assumeRolePolicy":` + property + `}}}]}`)
	}
	f.Fuzz(func(t *testing.T, text string) {
		resources, err := decode(text)
		if err != nil {
			assert.NotEmpty(t, err.Error())
			return
		}
		report := check(resources)
		assert.NotEmpty(t, report.Markdown())
	})
}

// Every rule takes values of every kind where it wants another.
func TestRulesTakeAnyValue(t *testing.T) {
	t.Parallel()
	entries := good(t)
	for _, value := range []string{`null`, `true`, `-1`, `""`, `"{"`, `"[null,1]"`, `[]`, `[null]`, `["x"]`, `{}`, `{"0":null}`, `[{"Statement":[]}]`} {
		for _, rule := range policies.Rules {
			for _, token := range rule.Types {
				properties := map[string]json.RawMessage{}
				for _, e := range entries {
					for property := range e.Inputs {
						if e.Type == token {
							properties[property] = json.RawMessage(value)
						}
					}
				}
				inputs, err := json.Marshal(properties)
				require.NoError(t, err)
				resources, err := decode(fmt.Sprintf(`{"steps":[{"newState":{"urn":"urn:pulumi:s::p::t::n","type":%q,"inputs":%s}}]}`, token, inputs))
				require.NoError(t, err)
				assert.NotPanics(t, func() { check(resources) }, "%s with %s", rule.Name, value)
			}
		}
	}
}
