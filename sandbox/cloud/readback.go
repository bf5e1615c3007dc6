package cloud

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud/schema"
)

// readback is what becomes of a text that AWS keeps in a form of its own.
type readback struct {
	// returns is the text as AWS gives it back.
	returns func(text string) string
	// same brings texts that the provider takes for equal into one form.
	same func(text string) string
}

// The provider 5.100.0 suppresses differences as its sources say, in
// https://github.com/hashicorp/terraform-provider-aws/tree/v5.100.0/internal.
var (
	// SuppressEquivalentPolicyDiffs of verify/json.go, which is
	// https://github.com/hashicorp/awspolicyequivalence.
	policyText = readback{returnedPolicy, samePolicy}
	// SuppressEquivalentJSONDiffs of verify/json.go.
	jsonText = readback{sortedJSON, sortedJSON}
	// containerDefinitionsAreEquivalent of service/ecs/container_definitions.go.
	containersText = readback{returnedContainers, sameContainers}
	// normalizeDomainName and normalizeAliasName of service/route53.
	domainText = readback{domainForm, domainForm}
	// The StateFunc of service/rds's names.
	lowerText = readback{strings.ToLower, strings.ToLower}
)

// readbacks has the properties whose text changes, by type and dotted path.
// Sets, which the provider returns in an order of its own, are in the schema.
var readbacks = map[string]map[string]readback{
	"acm/certificate":              {"domainName": domainText},
	"backup/vaultPolicy":           {"policy": policyText},
	"cloudwatch/dashboard":         {"dashboardBody": jsonText},
	"cloudwatch/eventRule":         {"eventPattern": jsonText},
	"cloudwatch/logResourcePolicy": {"policyDocument": policyText},
	"ec2/vpcEndpoint":              {"policy": policyText},
	"ecr/lifecyclePolicy":          {"policy": jsonText},
	"ecr/repositoryPolicy":         {"policy": policyText},
	"ecs/taskDefinition":           {"containerDefinitions": containersText},
	"iam/policy":                   {"policy": policyText},
	"iam/role":                     {"assumeRolePolicy": policyText},
	"iam/rolePolicy":               {"policy": policyText},
	"kms/key":                      {"policy": policyText},
	"kms/replicaKey":               {"policy": policyText},
	"rds/instance":                 {"identifier": lowerText},
	"rds/parameterGroup":           {"name": lowerText},
	"rds/subnetGroup":              {"name": lowerText},
	"route53/record":               {"name": domainText, "aliases.name": domainText},
	"route53/zone":                 {"name": domainText},
	"s3/bucketPolicy":              {"policy": policyText},
	"secretsmanager/secretPolicy":  {"policy": policyText},
	"sns/topic":                    {"policy": policyText},
	"sns/topicPolicy":              {"policy": policyText},
	"sns/topicSubscription":        {"filterPolicy": jsonText},
}

// readBack is the properties as the provider reads them.
func readBack(typ *schema.Type, values props) props {
	back := props{}
	for name, value := range values {
		back[name] = shuffle(typ.Properties[name], value)
	}
	return rewrite(typ, back, func(r readback, text string) string { return r.returns(text) })
}

// alike is the properties with what the provider takes for equal in one form.
func alike(typ *schema.Type, values props) props {
	return rewrite(typ, values, func(r readback, text string) string { return r.same(text) })
}

func rewrite(typ *schema.Type, values props, by func(readback, string) string) props {
	result := props(merge(values))
	for path, r := range readbacks[shortType(typ.Token)] {
		name, inner, _ := strings.Cut(path, ".")
		if value, ok := values[name]; ok {
			result[name] = rewriteAt(value, inner, func(text string) string { return by(r, text) })
		}
	}
	return result
}

func rewriteAt(value any, path string, by func(string) string) any {
	switch value := value.(type) {
	case string:
		return by(value)
	case []any:
		list := make([]any, len(value))
		for i := range value {
			list[i] = rewriteAt(value[i], path, by)
		}
		return list
	case map[string]any:
		name, inner, _ := strings.Cut(path, ".")
		object := merge(value)
		if field, ok := value[name]; ok {
			object[name] = rewriteAt(field, inner, by)
		}
		return object
	}
	return value
}

// shuffle gives sets an order that depends on their elements alone and that
// programs do not happen to write: the last first.
func shuffle(property *schema.Property, value any) any {
	if property == nil {
		return value
	}
	switch value := value.(type) {
	case []any:
		list := make([]any, len(value))
		for i := range value {
			list[i] = shuffle(property.Elem, value[i])
		}
		if property.Kind == schema.Set {
			slices.SortFunc(list, func(a, b any) int { return bytes.Compare(encoded(b), encoded(a)) })
		}
		return list
	case map[string]any:
		object := map[string]any{}
		for name, field := range value {
			below := property.Properties[name]
			if below == nil {
				below = property.Elem
			}
			object[name] = shuffle(below, field)
		}
		return object
	}
	return value
}

func encoded(value any) []byte {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("cloud: encoding a value: %v", err)) // plain JSON kinds only.
	}
	return raw
}

// edited is a JSON document after an edit, with its keys sorted; other texts
// stay.
func edited(text string, edit func(any) any) string {
	var document any
	if json.Unmarshal([]byte(text), &document) != nil {
		return text
	}
	return string(encoded(edit(document)))
}

func sortedJSON(text string) string { return edited(text, func(document any) any { return document }) }

func domainForm(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

var accountID = regexp.MustCompile(`^\d{12}$`)

// returnedPolicy has lists of one as their element, and accounts as the ARNs of
// their roots:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html.
func returnedPolicy(text string) string {
	return edited(text, func(document any) any {
		return editStatements(document, func(value any) any {
			list, ok := value.([]any)
			if !ok {
				list = []any{value}
			}
			for i := range list {
				list[i] = rootOf(list[i])
			}
			if len(list) == 1 {
				return list[0]
			}
			return list
		})
	})
}

// samePolicy has every value as a sorted list of texts, and the statements
// sorted.
func samePolicy(text string) string {
	return edited(text, func(document any) any {
		document = editStatements(document, func(value any) any {
			list, ok := value.([]any)
			if !ok {
				list = []any{value}
			}
			for i := range list {
				list[i] = fmt.Sprint(rootOf(list[i]))
			}
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
			return list
		})
		if policy, ok := document.(map[string]any); ok {
			if one, ok := policy["Statement"].(map[string]any); ok {
				policy["Statement"] = []any{one}
			}
			if statements, ok := policy["Statement"].([]any); ok {
				slices.SortFunc(statements, func(a, b any) int { return bytes.Compare(encoded(a), encoded(b)) })
			}
		}
		return document
	})
}

func rootOf(value any) any {
	if id, ok := value.(string); ok && accountID.MatchString(id) {
		return "arn:aws:iam::" + id + ":root"
	}
	return value
}

// editStatements edits what a policy's statements have in lists: the values of
// actions, resources and principals, and those of each condition.
func editStatements(document any, edit func(any) any) any {
	policy, ok := document.(map[string]any)
	if !ok {
		return document
	}
	statements, ok := policy["Statement"].([]any)
	if !ok {
		statements = []any{policy["Statement"]}
	}
	for _, statement := range statements {
		if fields, ok := statement.(map[string]any); ok {
			for name, value := range fields {
				fields[name] = editLeaves(value, edit)
			}
		}
	}
	return policy
}

func editLeaves(value any, edit func(any) any) any {
	if object, ok := value.(map[string]any); ok {
		for name, field := range object {
			object[name] = editLeaves(field, edit)
		}
		return object
	}
	return edit(value)
}

// returnedContainers has ECS's defaults, as DescribeTaskDefinition answers:
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html.
func returnedContainers(text string) string {
	return eachContainer(text, func(container map[string]any) {
		for name, value := range map[string]any{
			"cpu": 0.0, "essential": true, "environment": []any{}, "mountPoints": []any{}, "portMappings": []any{},
			"systemControls": []any{}, "volumesFrom": []any{},
		} {
			if container[name] == nil {
				container[name] = value
			}
		}
		fillPorts(container)
	})
}

// sameContainers has ECS's defaults and nothing that is empty.
func sameContainers(text string) string {
	return eachContainer(text, func(container map[string]any) {
		if container["essential"] == nil {
			container["essential"] = true
		}
		fillPorts(container)
		for name, value := range container {
			if list, ok := value.([]any); value == nil || value == 0.0 || ok && len(list) == 0 {
				delete(container, name)
			}
		}
	})
}

// fillPorts is what ports are of a task in a VPC, which all of the program's are.
func fillPorts(container map[string]any) {
	for _, port := range props(container).objects("portMappings") {
		if port.num("hostPort", 0) == 0 {
			port["hostPort"] = port["containerPort"]
		}
		if port.str("protocol") == "" {
			port["protocol"] = "tcp"
		}
	}
}

// eachContainer edits container definitions, and sorts them, their environment
// and their secrets by name.
func eachContainer(text string, edit func(map[string]any)) string {
	return edited(text, func(document any) any {
		for _, container := range (props{"all": document}).objects("all") {
			edit(container)
			sortByName(container["environment"])
			sortByName(container["secrets"])
		}
		sortByName(document)
		return document
	})
}

func sortByName(value any) {
	if list, ok := value.([]any); ok {
		slices.SortStableFunc(list, func(a, b any) int {
			return strings.Compare((props{"of": a}).str("of.name"), (props{"of": b}).str("of.name"))
		})
	}
}
