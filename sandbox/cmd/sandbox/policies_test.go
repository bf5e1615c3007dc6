package main

// These tests read the policies that the program registers. They do not prove
// that the policies let through what the tasks need.

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/policies"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/engine"
)

// withoutResource are the actions that AWS has no resource for: those of
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
// whose column of resource types is empty.
var withoutResource = []string{
	"cloudwatch:PutMetricData",
	"ecr:GetAuthorizationToken",
	"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
	"ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
	"xray:GetSamplingRules", "xray:GetSamplingStatisticSummaries", "xray:GetSamplingTargets",
	"xray:PutTelemetryRecords", "xray:PutTraceSegments",
}

func TestRolePoliciesHaveNoWildcard(t *testing.T) {
	t.Parallel()
	s := onPaper(t, withAll)
	policies := 0
	for _, stack := range engine.Names {
		if stack == "bootstrap" {
			continue // its policies are people's and workflows', which components/access tests
		}
		for _, r := range registered(t, s, stack) {
			for _, document := range identityPolicies(string(r.Type), r.Inputs) {
				policies++
				assert.Empty(t, tooWide(t, document), r.URN)
			}
		}
	}
	t.Logf("%d policies", policies)
	assert.Positive(t, policies)
}

// TestStacksKeepTheRules checks what the stacks register, as they are for AWS, against
// package policies.
func TestStacksKeepTheRules(t *testing.T) {
	t.Parallel()
	s := openAs(t, engine.Options{Dir: withAll.copied(t), OnPaper: true, As: cloud.Administrator}) // who may change the audit's bucket
	var resources []policies.Resource
	for _, stack := range engine.Names {
		kind := map[string]string{"prod": "platform", "dr": "dr", "bootstrap": "bootstrap"}[stack]
		set(t, s, stack, true, "codeflow:"+cmp.Or(kind, "color"), "deletionProtection")
		run(t, s, stack, engine.Up)
		found, err := policies.Decode(bytes.NewReader(stateFile(t, s, stack)))
		require.NoError(t, err)
		resources = append(resources, found...)
	}
	exceptions, err := policies.Exceptions()
	require.NoError(t, err)
	assert.LessOrEqual(t, len(exceptions), 3)
	report := policies.Check(resources, exceptions, time.Now())
	t.Log("\n" + report.String())
	assert.Empty(t, report.Violations)
}

// identityPolicies are the documents of a policy or a role, without its trust.
func identityPolicies(token string, inputs map[string]any) (documents []string) {
	switch token {
	case "aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy":
		document, _ := inputs["policy"].(string)
		return []string{document}
	case "aws:iam/role:Role":
		inline, _ := inputs["inlinePolicies"].([]any)
		for _, policy := range inline {
			if fields, ok := policy.(map[string]any); ok {
				document, _ := fields["policy"].(string)
				documents = append(documents, document)
			}
		}
	}
	return documents
}

// tooWide are the statements of a document that allow more than they name.
func tooWide(t *testing.T, document string) (problems []string) {
	t.Helper()
	var policy struct {
		Statement []struct {
			Effect                                   string
			Action, NotAction, Resource, NotResource any
		}
	}
	require.NoError(t, json.Unmarshal([]byte(document), &policy), document)
	require.NotEmpty(t, policy.Statement)
	for i, statement := range policy.Statement {
		if statement.Effect != "Allow" {
			continue
		}
		if statement.NotAction != nil || statement.NotResource != nil {
			problems = append(problems, fmt.Sprintf("statement %d: allows all but what it names", i))
		}
		everywhere := slices.Contains(texts(statement.Resource), "*")
		for _, action := range texts(statement.Action) {
			if strings.ContainsAny(action, "*?") {
				problems = append(problems, fmt.Sprintf("statement %d: action %s", i, action))
			} else if everywhere && !slices.Contains(withoutResource, action) {
				problems = append(problems, fmt.Sprintf("statement %d: %s on every resource", i, action))
			}
		}
	}
	return problems
}

func texts(value any) (list []string) {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		for _, element := range value {
			list = append(list, texts(element)...)
		}
	}
	return list
}

func TestWidePoliciesAreFound(t *testing.T) {
	t.Parallel()
	for statement, problem := range map[string]string{
		`"Effect":"Allow","Action":"s3:GetObject","Resource":"*"`:                      "s3:GetObject on every resource",
		`"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::b","*"]`: "s3:GetObject on every resource",
		`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b"`:                 "action s3:*",
		`"Effect":"Allow","Action":"s3:Get?bject","Resource":"arn:aws:s3:::b"`:         "action s3:Get?bject",
		`"Effect":"Allow","NotAction":"s3:GetObject","Resource":"arn:aws:s3:::b"`:      "allows all but what it names",
		`"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"`:         "",
		`"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`:       "",
		`"Effect":"Deny","Action":"*","Resource":"*"`:                                  "",
	} {
		problems := tooWide(t, `{"Version":"2012-10-17","Statement":[{`+statement+`}]}`)
		if problem == "" {
			assert.Empty(t, problems, statement)
			continue
		}
		require.Len(t, problems, 1, statement)
		assert.Contains(t, problems[0], problem)
	}
}
