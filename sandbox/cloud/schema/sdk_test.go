package schema

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNamesAreThoseOfTheSDK compares the names of the inputs of every type,
// and which are lists, with the structs of pulumi-aws's Go SDK, which it reads
// as text: compiling them would take minutes. It does not prove anything about
// outputs and what is inside blocks.
func TestNamesAreThoseOfTheSDK(t *testing.T) {
	t.Parallel()
	raw, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi-aws/sdk/v6").Output()
	sdk := strings.TrimSpace(string(raw))
	if err != nil || sdk == "" {
		t.Skip("the module cache does not have pulumi-aws: run `go mod download`")
	}
	for _, resourceType := range Tokens() {
		typ, _ := Lookup(resourceType)
		parts := strings.Split(resourceType, ":")
		module, file, _ := strings.Cut(parts[1], "/")
		args := fieldsOf(t, filepath.Join(sdk, "go/aws", module, file+".go"), file+"Args")
		for name, property := range typ.Properties {
			require.Equal(t, property.Input(), args[name] != "", "%s: %s", resourceType, name)
		}
		for name, kind := range args {
			property := typ.Properties[name]
			if resourceType == "aws:rds/instance:Instance" && name == "name" {
				continue // a second name of dbName, deprecated.
			}
			if resourceType == "aws:cloudfront/vpcOrigin:VpcOrigin" && name == "timeouts" {
				continue // not in the schema that terraform prints.
			}
			require.NotNil(t, property, "%s has no %s", resourceType, name)
			list := strings.HasPrefix(kind, "[]")
			require.Equal(t, list, property.Kind == List || property.Kind == Set, "%s: %s is %s", resourceType, name, kind)
		}
	}
}

var field = regexp.MustCompile("^\t\\w+\\s+(\\S+)\\s+`pulumi:\"(\\w+)\"`")

// fieldsOf reads the types of a struct's fields, by their Pulumi names.
func fieldsOf(t *testing.T, path, name string) map[string]string {
	t.Helper()
	source, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, source.Close()) }()
	fields, inside := map[string]string{}, false
	lines := bufio.NewScanner(source)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		switch line := lines.Text(); {
		case line == "type "+name+" struct {":
			inside = true
		case inside && line == "}":
			return fields
		case inside:
			if match := field.FindStringSubmatch(line); match != nil {
				fields[match[2]] = match[1]
			}
		}
	}
	t.Fatalf("%s has no struct %s", path, name)
	return nil
}
