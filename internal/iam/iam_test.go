// These tests hold the evaluation to what AWS documents. No account was asked.
package iam_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/iam"
)

// group is one kind of cases in testdata, with AWS's page about it.
type group struct {
	Kind, Page                   string
	Identity, Boundary, Resource []json.RawMessage
	Cases                        []struct {
		Want       string // "allowed", or what the message says
		Action, On string
		With       map[string][]string
		Who        string // "nobody", "service:…", "federated:…"; "" is a session of a role
	}
}

func TestCases(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/cases.json")
	require.NoError(t, err)
	var groups []group
	require.NoError(t, json.Unmarshal(data, &groups))
	n := 0
	for _, g := range groups {
		assert.Regexp(t, `^https://docs\.aws\.amazon\.com/\S+\.html(#\S+)?$`, g.Page, g.Kind)
		policies := iam.Policies{Boundary: document(t, g.Boundary), Resource: document(t, g.Resource)}
		if d := document(t, g.Identity); d != nil {
			policies.Identity = []*iam.Document{d}
		}
		for _, c := range g.Cases {
			n++
			err := policies.Check(iam.Request{Principal: who(c.Who), Action: c.Action, Resource: c.On, Context: c.With})
			if c.Want == "allowed" {
				assert.NoError(t, err, g.Kind)
			} else {
				assert.ErrorContains(t, err, c.Want, "%s: %s on %s with %v", g.Kind, c.Action, c.On, c.With)
			}
		}
	}
	assert.GreaterOrEqual(t, n, 150)
}

func document(t *testing.T, statements []json.RawMessage) *iam.Document {
	t.Helper()
	if statements == nil {
		return nil
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	require.NoError(t, err)
	d, err := iam.Parse(string(text))
	require.NoError(t, err, string(text))
	return d
}

func who(text string) iam.Principal {
	kind, name, _ := strings.Cut(text, ":")
	switch kind {
	case "nobody":
		return iam.Principal{}
	case "service":
		return iam.Principal{Service: name}
	case "federated":
		return iam.Principal{Federated: name}
	}
	return iam.Session("123456789012", "worker", "session")
}

func TestMessage(t *testing.T) {
	t.Parallel()
	err := iam.Policies{}.Check(iam.Request{
		Principal: iam.Session("123456789012", "worker", "me"), Action: "ecs:UpdateService", Resource: "arn:aws:ecs:eu-central-1:123456789012:service/a/b",
	})
	assert.EqualError(t, err, "User: arn:aws:sts::123456789012:assumed-role/worker/me is not authorized to perform: ecs:UpdateService "+
		"on resource: arn:aws:ecs:eu-central-1:123456789012:service/a/b because no identity-based policy allows the ecs:UpdateService action")
}

func TestParse(t *testing.T) {
	t.Parallel()
	d, err := iam.Parse(`{"Version":"2012-10-17","Statement":{"Sid":"One","Effect":"Allow","Action":"s3:GetObject","Resource":"*",
		"Condition":{"ForAnyValue:StringLikeIfExists":{"aws:TagKeys":["a",1,true]}}}}`)
	require.NoError(t, err)
	assert.Equal(t, []iam.Statement{{
		Sid: "One", Actions: []string{"s3:GetObject"}, Resources: []string{"*"},
		Conditions: []iam.Condition{{Operator: "StringLike", Set: "ForAnyValue", IfExists: true, Key: "aws:tagkeys", Values: []string{"a", "1", "true"}}},
	}}, d.Statements)
	for statement, want := range map[string]string{
		`"Effect":"Permit","Action":"*"`:                                         `statement 0 "S": Effect must be Allow or Deny, got "Permit"`,
		`"Effect":"Allow"`:                                                       "must have Action or NotAction",
		`"Effect":"Allow","Action":"*","NotAction":"*"`:                          "must have Action or NotAction",
		`"Effect":"Allow","Action":"*","Resource":"*","NotResource":"*"`:         "must not have Resource and NotResource",
		`"Effect":"Allow","Action":"*","NotPrincipal":"*"`:                       "NotPrincipal is not known",
		`"Effect":"Allow","Action":"*","Principal":1`:                            "Principal",
		`"Effect":"Allow","Action":{}`:                                           "must be a text or a list of texts",
		`"Effect":"Allow","Action":"*","Condition":{"StringSame":{"a":"b"}}`:     `condition operator "StringSame" is not known`,
		`"Effect":"Allow","Action":"*","Condition":{"Each:StringLike":{"a":""}}`: `condition operator "Each:StringLike" is not known`,
	} {
		_, err := iam.Parse(fmt.Sprintf(`{"Statement":[{"Sid":"S",%s}]}`, statement))
		assert.ErrorContains(t, err, want, statement)
	}
	_, err = iam.Parse("{")
	assert.ErrorContains(t, err, "reading policy")
}
