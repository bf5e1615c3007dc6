// These tests do not prove that AWS accepts the policies, nor that the provider calls
// only what the table says: no account was asked.
package access

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/iam/reference"
)

func mustTable(t *testing.T) *table {
	t.Helper()
	all, err := readTable()
	require.NoError(t, err)
	return all
}

// TestTypes compares the rows with what the source registers and looks up, both
// ways. What awsx registers is what the sandbox's says.
func TestTypes(t *testing.T) {
	t.Parallel()
	types, err := Types()
	require.NoError(t, err)
	program := scan(t, "../../components", "../../stacks", "../../sandbox/awsx")
	all := mustTable(t)
	for token := range all.Bootstrap { // stacks names some, to say what they cannot do.
		delete(program, token)
	}
	assert.Equal(t, slices.Sorted(maps.Keys(program)), types)

	for own := range scan(t, ".") {
		assert.True(t, program[own] || len(all.Bootstrap[own].Create) > 0, "%s has no row in bootstrap", own)
	}
	for token := range all.Bootstrap {
		assert.Contains(t, scan(t, "."), token)
		assert.NotContains(t, types, token)
	}
}

// sdk is how the import paths of Pulumi's AWS packages begin.
const sdk = "github.com/pulumi/pulumi-aws/sdk/v6/go/aws"

var (
	madeBy   = regexp.MustCompile(`^New([A-Z]\w*)$`)
	lookedUp = regexp.MustCompile(`^(?:Get|Lookup)([A-Z]\w*?)(?:Output)?$`)
	literal  = regexp.MustCompile(`^"(aws:[a-z0-9]+/\w+:\w+)"$`)
)

// ofResources are the actions that only policies of buckets, keys, topics and secrets
// have.
var ofResources = []string{
	"kms:ReEncryptFrom", "s3:GetObject", "s3:PutObject", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecret",
	"secretsmanager:UpdateSecretVersionStage", "sns:Publish", "sts:AssumeRole",
}

var action = regexp.MustCompile(`^"([a-z0-9-]+:[A-Z]\w+)"$`)

// TestRuntime finds in the boundary what the components let their roles do, so that no
// role is made that cannot do its work. What AWS's own policies allow is not compared.
func TestRuntime(t *testing.T) {
	t.Parallel()
	lists := map[string]bool{}
	each(t, []string{"../../components", "../../stacks"}, func(_ map[string]string, n ast.Node) {
		list, ok := n.(*ast.CompositeLit)
		if !ok {
			return
		}
		for _, item := range list.Elts {
			if text, ok := item.(*ast.BasicLit); ok && action.MatchString(text.Value) {
				lists[strings.Trim(text.Value, `"`)] = true
			}
		}
	})
	assert.Greater(t, len(lists), 15)
	all, runtime := mustTable(t), slices.Clone(ofResources)
	for _, g := range all.Runtime {
		runtime = append(runtime, g.Actions...)
	}
	for action := range lists {
		assert.Contains(t, runtime, action)
	}
	for _, action := range ofResources {
		assert.Contains(t, lists, action)
	}
}

// scan finds the tokens of AWS in the source below the folders, without tests.
func scan(t *testing.T, folders ...string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	each(t, folders, func(modules map[string]string, n ast.Node) {
		switch n := n.(type) {
		case *ast.BasicLit:
			if match := literal.FindStringSubmatch(n.Value); match != nil {
				found[match[1]] = true
			}
		case *ast.CallExpr:
			if token := called(n, modules); token != "" {
				found[token] = true
			}
		}
	})
	return found
}

// each visits the source below the folders, without tests and without this package,
// unless it is asked for. Modules are AWS's, by the name that the file has for them.
func each(t *testing.T, folders []string, visit func(modules map[string]string, n ast.Node)) {
	t.Helper()
	for _, folder := range folders {
		require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && d.Name() == "access" {
				return filepath.SkipDir
			}
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			modules := map[string]string{}
			for _, i := range file.Imports {
				path := strings.Trim(i.Path.Value, `"`)
				if module, ok := strings.CutPrefix(path, sdk); ok {
					modules[filepath.Base(path)] = strings.TrimPrefix(module, "/")
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				visit(modules, n)
				return true
			})
			return nil
		}))
	}
}

// called is the token of what a call registers or looks up, or "".
func called(call *ast.CallExpr, modules map[string]string) string {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	name, ok := selector.X.(*ast.Ident)
	if !ok {
		return ""
	}
	module, ok := modules[name.Name]
	if !ok {
		return ""
	}
	if module == "" {
		module = "index"
	}
	if match := madeBy.FindStringSubmatch(selector.Sel.Name); match != nil && selector.Sel.Name != "NewProvider" {
		return "aws:" + module + "/" + strings.ToLower(match[1][:1]) + match[1][1:] + ":" + match[1]
	}
	if match := lookedUp.FindStringSubmatch(selector.Sel.Name); match != nil {
		return "aws:" + module + "/get" + match[1] + ":get" + match[1]
	}
	return ""
}

// TestGrants compares what the types need with what is granted, both ways, and finds
// in no row what is withheld from all.
func TestGrants(t *testing.T) {
	t.Parallel()
	all := mustTable(t)
	granted := map[string]bool{}
	for _, g := range all.Grants {
		maps.Copy(granted, set(g.Actions))
		assert.True(t, slices.IsSorted(g.Actions) && len(slices.Compact(slices.Clone(g.Actions))) == len(g.Actions), "%s: sort the actions", g.Sid)
	}
	assert.Equal(t, slices.Sorted(maps.Keys(all.deploys(false))), slices.Sorted(maps.Keys(granted)))
	for _, action := range all.withheld() {
		assert.NotContains(t, granted, action)
	}
}

// TestReference finds each action in AWS's reference, and each grant's resources and
// tags among those that AWS documents for its actions.
func TestReference(t *testing.T) {
	t.Parallel()
	all := mustTable(t)
	actions := set(all.withheld(), slices.Collect(maps.Keys(all.deploys(false))))
	for _, o := range all.Bootstrap {
		maps.Copy(actions, set(o.Read, o.writes()))
	}
	for _, g := range slices.Concat(all.Operator, all.Drift, all.Runtime, all.RuntimeDenies, all.Denies) {
		maps.Copy(actions, set(g.Actions))
	}
	for action := range actions {
		service, name, _ := strings.Cut(action, ":")
		if name != "*" { // denied as a whole
			assert.Contains(t, reference.Services()[service].Actions, name, action)
		}
	}
	for action := range all.deploys(false) {
		service, _, _ := strings.Cut(action, ":")
		assert.Contains(t, all.References, service)
	}
	for _, g := range slices.Concat(all.Grants, all.Operator, all.Drift, all.Runtime) {
		checkGrant(t, g)
	}
}

func checkGrant(t *testing.T, g grant) {
	t.Helper()
	named := g.Resources[0] != "*"
	used := map[string]bool{}
	for _, action := range g.Actions {
		service, name, _ := strings.Cut(action, ":")
		documented := reference.Services()[service].Actions[name]
		if g.Tag != "" {
			assert.Contains(t, documented.Tags, g.Tag, "%s: AWS has no such condition for %s", g.Sid, action)
		}
		if !named || strings.HasSuffix(action, "Tags") && service == "ec2" { // these two take every kind
			maps.Copy(used, set(g.Resources))
			continue
		}
		fits := false
		for _, kind := range documented.Kinds {
			for _, pattern := range g.Resources {
				if meet(pattern, reference.Services()[service].ARNs[kind]) {
					fits, used[pattern] = true, true
				}
			}
		}
		assert.True(t, fits, "%s: %s is on %v, not on %v", g.Sid, action, documented.Kinds, g.Resources)
	}
	assert.Len(t, used, len(g.Resources), "%s: no action is on some of %v", g.Sid, g.Resources)
	if !named {
		assert.NotEmpty(t, g.Why, "%s is on everything", g.Sid)
	}
}

var placeholder = regexp.MustCompile(`\$?\{[^}]*\}`)

// meet is true when some ARN is of both patterns, in which placeholders are "*".
func meet(a, b string) bool {
	const parts = 6 // arn:partition:service:region:account:resource
	ours := strings.SplitN(placeholder.ReplaceAllString(a, "*"), ":", parts)
	theirs := strings.SplitN(placeholder.ReplaceAllString(b, "*"), ":", parts)
	return slices.EqualFunc(ours, theirs, overlap)
}

func overlap(a, b string) bool {
	switch {
	case a == "" || b == "":
		return strings.Trim(a+b, "*") == ""
	case a[0] == '*':
		return overlap(a[1:], b) || overlap(a, b[1:])
	case b[0] == '*':
		return overlap(b, a)
	default:
		return a[0] == b[0] && overlap(a[1:], b[1:])
	}
}

func TestMeet(t *testing.T) {
	t.Parallel()
	assert.True(t, meet("arn:aws:ecs:*:{account}:cluster/{project}-*", "arn:${Partition}:ecs:${Region}:${Account}:cluster/${ClusterName}"))
	assert.False(t, meet("arn:aws:ecs:*:{account}:cluster/{project}-*", "arn:${Partition}:ecs:${Region}:${Account}:task/${ClusterName}/${TaskId}"))
	assert.False(t, meet("arn:aws:s3:::audit-*", "arn:${Partition}:sns:${Region}:${Account}:${TopicName}"))
}

// TestReads is true to AWS's own word: what previews do is reading or listing.
func TestReads(t *testing.T) {
	t.Parallel()
	all := mustTable(t)
	for action := range all.reads() {
		service, name, _ := strings.Cut(action, ":")
		assert.Contains(t, []string{"Read", "List"}, reference.Services()[service].Actions[name].Level, action)
	}
	for _, secret := range []string{"kms:Decrypt", "secretsmanager:GetSecretValue", "s3:GetObject"} {
		assert.NotContains(t, all.reads(), secret, "which pull requests must not read")
	}
}

func TestEveryStatementIsNamedOnce(t *testing.T) {
	t.Parallel()
	all := mustTable(t)
	sids := map[string]bool{}
	for _, g := range slices.Concat(all.Grants, all.Operator, all.Drift, all.Denies, all.Runtime, all.RuntimeDenies) {
		assert.Regexp(t, `^[A-Z][A-Za-z0-9]+$`, g.Sid)
		assert.False(t, sids[g.Sid], "%s is there twice", g.Sid)
		sids[g.Sid] = true
		assert.Contains(t, []string{"", "request", "resource"}, g.Tag)
	}
}
