package cloud

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud/schema"
)

// TestRulesFitTheSchema finds the slips that a table of names invites.
func TestRulesFitTheSchema(t *testing.T) {
	t.Parallel()
	for _, short := range Types() {
		typ, ok := schema.Lookup(tokenOf(short))
		require.True(t, ok, "%s has no schema", short)
		rule := rules[short]
		for _, ref := range rule.Refs {
			requireProperty(t, short, typ.Properties, ref.Path)
			for _, target := range ref.targets() {
				require.Contains(t, rules, target, "%s refers to a type without a rule", short)
			}
			for by := range strings.FieldsSeq(ref.By) {
				require.True(t, by == "id" || slices.ContainsFunc(ref.targets(), func(target string) bool {
					described, _ := schema.Lookup(tokenOf(target))
					return described.Properties[by] != nil
				}), "%s refers by %s, which %s does not have", short, by, ref.To)
			}
		}
		for name := range rule.Outputs {
			requireProperty(t, short, typ.Properties, name)
		}
		templates := []string{rule.ID, rule.Key, rule.ARN}
		for _, unique := range rule.Unique {
			templates = append(templates, unique.Key, unique.Error)
		}
		for _, value := range rule.Outputs {
			templates = append(templates, text(value))
		}
		for _, template := range templates {
			for _, match := range placeholder.FindAllStringSubmatch(template, -1) {
				for name := range strings.SplitSeq(match[1], "|") {
					if !slices.Contains([]string{"region", "account", "id"}, name) && randoms[name] == nil {
						requireProperty(t, short, typ.Properties, name)
					}
				}
			}
		}
	}
}

func requireProperty(t *testing.T, short string, properties map[string]*schema.Property, path string) {
	t.Helper()
	name, rest, deeper := strings.Cut(path, ".")
	property := properties[name]
	require.NotNil(t, property, "%s has no %s", short, path)
	for property.Elem != nil {
		property = property.Elem
	}
	if deeper {
		requireProperty(t, short, property.Properties, rest)
	}
}

func TestFargateSizes(t *testing.T) {
	t.Parallel()
	for size, valid := range map[[2]int]bool{
		{256, 512}: true, {256, 1024}: true, {256, 1536}: false, {256, 2048}: true, {256, 4096}: false,
		{512, 512}: false, {512, 1024}: true, {512, 4096}: true, {512, 5120}: false, {1024, 2048}: true, {1024, 8192}: true,
		{1024, 1024}: false, {2048, 4096}: true, {2048, 16384}: true, {4096, 8192}: true, {4096, 30720}: true, {4096, 31744}: false,
		{8192, 16384}: true, {8192, 20480}: true, {8192, 17408}: false, {16384, 122880}: true, {16384, 40960}: true,
		{16384, 33792}: false, {300, 512}: false,
	} {
		require.Equal(t, valid, fargateHas(text(float64(size[0])), size[1]), size)
	}
}

func TestQualify(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"": "example.com", "www": "www.example.com", "www.example.com": "www.example.com", "example.com": "example.com",
		"www.example.com.": "www.example.com", "www.example.org.": "www.example.org", "notexample.com": "notexample.com.example.com",
		"WWW": "www.example.com",
	} {
		require.Equal(t, want, qualify(name, testDomain), name)
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	certificate := props{"domainName": "example.com", "subjectAlternativeNames": []any{"*.example.com"}}
	for domain, want := range map[string]bool{
		"example.com": true, "www.example.com": true, "a.www.example.com": false, "example.org": false,
	} {
		require.Equal(t, want, covers(certificate, domain), domain)
	}
}

// TestNothingMakesARulePanic creates every type with inputs of the right kinds
// that mean nothing: the answer may be any, but there must be one.
func TestNothingMakesARulePanic(t *testing.T) {
	t.Parallel()
	images := fakeImages{testImage: true}
	s := deployed(open(t, Options{Images: images}), images)
	for _, short := range Types() {
		typ, _ := schema.Lookup(tokenOf(short))
		for _, scalar := range []any{"", "x", "true", "0", "{}", "[{}]", unknown} {
			inputs := in{}
			for name, property := range typ.Properties {
				if property.Input() {
					inputs[name] = sample(property, scalar, 3)
				}
			}
			m, err := s.try(short, "sample", inputs)
			require.NotEqual(t, codes.Unavailable, status.Code(err), "%s: %v", short, err)
			if err == nil {
				_, _ = s.tryUpdate(m, inputs)
				_ = s.delete(m)
			}
		}
	}
}

// sample is a value of a property's kind, made of one scalar.
func sample(property *schema.Property, scalar any, depth int) any {
	switch property.Kind {
	case schema.List, schema.Set:
		return []any{sample(property.Elem, scalar, depth)}
	case schema.Map:
		return in{"key": sample(property.Elem, scalar, depth)}
	case schema.Object:
		object := in{}
		if depth > 0 {
			for name, inner := range property.Properties {
				object[name] = sample(inner, scalar, depth-1)
			}
		}
		return object
	}
	return scalar
}
