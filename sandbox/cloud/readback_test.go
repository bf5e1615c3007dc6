package cloud

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReadsBackInAWSsForm compares what the program wrote with what AWS returns:
// the forms differ, and the provider sees a difference only where a change means
// something.
func TestReadsBackInAWSsForm(t *testing.T) {
	t.Parallel()
	policy := func(principal, actions string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":` + principal + `},"Action":` + actions +
			`,"Resource":"*"}]}`
	}
	root := `"arn:aws:iam::000000000000:root"`
	for name, test := range map[string]struct {
		form                     readback
		written, returned, other string
	}{
		"policy": {
			policyText, policy(`["000000000000"]`, `["kms:Encrypt"]`),
			`{"Statement":[{"Action":"kms:Encrypt","Effect":"Allow","Principal":{"AWS":` + root + `},"Resource":"*"}],"Version":"2012-10-17"}`,
			policy(root, `["kms:Decrypt"]`),
		},
		"JSON": {jsonText, `{"b": 1, "a": [2]}`, `{"a":[2],"b":1}`, `{"a":[1],"b":1}`},
		"containers": {
			containersText,
			`[{"name":"app","portMappings":[{"containerPort":80}],"environment":[{"name":"b","value":"1"},{"name":"a","value":"2"}]}]`,
			`[{"cpu":0,"environment":[{"name":"a","value":"2"},{"name":"b","value":"1"}],"essential":true,"mountPoints":[],"name":"app",` +
				`"portMappings":[{"containerPort":80,"hostPort":80,"protocol":"tcp"}],"systemControls":[],"volumesFrom":[]}]`,
			`[{"name":"app","portMappings":[{"containerPort":80}],"environment":[{"name":"b","value":"2"},{"name":"a","value":"2"}]}]`,
		},
		"domain":    {domainText, "WWW.Example.com.", "www.example.com", "example.com"},
		"lower":     {lowerText, "Codeflow", "codeflow", "code"},
		"not JSON":  {policyText, "x", "x", "y"},
		"one entry": {policyText, `{"Statement":{"Effect":"Deny"}}`, `{"Statement":{"Effect":"Deny"}}`, `{"Statement":[]}`},
	} {
		returned := test.form.returns(test.written)
		require.Equal(t, test.returned, returned, name)
		require.Equal(t, returned, test.form.returns(returned), name)
		require.Equal(t, test.form.same(test.written), test.form.same(returned), name)
		require.NotEqual(t, test.form.same(test.other), test.form.same(returned), name)
	}
}

// TestNoDifferenceAfterARead refreshes resources and asks again for what the
// program wrote, and for something else.
func TestNoDifferenceAfterARead(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	key := w.create("kms/key", "key", in{"policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":` +
		`"000000000000"},"Action":["kms:*"],"Resource":["*"]}]}`})
	group := w.create("ec2/securityGroup", "g", in{"name": "g", "description": "d", "vpcId": w.create("ec2/vpc", "v", in{
		"cidrBlock": "10.0.0.0/16",
	}).id, "ingress": []any{in{"fromPort": 1, "toPort": 1, "protocol": "tcp", "cidrBlocks": []string{"10.0.0.0/16"}}, in{
		"fromPort": 2, "toPort": 2, "protocol": "tcp", "cidrBlocks": []string{"10.0.0.0/16"},
	}}})
	for _, test := range []struct {
		made
		property string
		other    any
	}{{key, "policy", keyPolicy}, {group, "ingress", []any{}}} {
		read, found := w.read(test.made)
		require.True(t, found)
		require.NotEqual(t, test.in[test.property], read.in[test.property])
		require.Empty(t, w.diff(read, test.in).GetDiffs())
		require.Equal(t, []string{test.property}, w.diff(read, in(test.in).with(in{test.property: test.other})).GetDiffs())
	}
}
