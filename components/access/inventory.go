package access

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// madeUp are the parts of names and ids that AWS makes up, and suffixes those that the
// engine and Secrets Manager add to names.
var (
	madeUp = regexp.MustCompile(`\b(mrk-)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\bmrk-[0-9a-f]{32}\b|` +
		`UTC [0-9a-f]{8}\b|\b[a-z]+-[0-9a-f]{17}\b|\bdb-[0-9A-Z]{20}\b|\bab-[0-9a-z]{10,}|[0-9a-f]{16,}|[A-Z0-9]{13,}`)
	suffixes = regexp.MustCompile(`-[0-9a-f]{7}\b|(:secret:[^"]*)-[A-Za-z0-9]{6}\b`)
)

// enough are how many resources of a type tell all of a stack, where nothing is made on
// them.
var enough = map[string]int{
	"aws:cloudwatch/compositeAlarm:CompositeAlarm": 2, "aws:cloudwatch/metricAlarm:MetricAlarm": 2, "aws:cloudwatch/queryDefinition:QueryDefinition": 1,
	"aws:ec2/route:Route": 2, "aws:ec2/routeTableAssociation:RouteTableAssociation": 2, "aws:ec2/vpcEndpoint:VpcEndpoint": 2,
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": 2, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": 2,
}

// WriteInventory writes the resources that stacks have, one a line, alike for every
// account and every time: what is made up is the name that the program has for the
// resource instead.
func WriteInventory(account string, resources []Resource) []byte {
	names := map[string]string{} // by what was made up
	slices.SortFunc(resources, func(a, b Resource) int {
		return strings.Compare(a.Stack+a.Type+a.Name, b.Stack+b.Type+b.Name)
	})
	for _, r := range resources {
		if id := madeUp.FindString(r.ID[strings.LastIndex(r.ID, "/")+1:]); id != "" && names[id] == "" && r.Name != "" {
			names[id] = r.Stack + "." + r.Name
		}
	}
	var lines []string
	kept := map[string]int{}
	for _, r := range resources {
		if kept[r.Stack+r.Type]++; slices.Contains([]string{"", "bootstrap", "green"}, r.Stack) || kept[r.Stack+r.Type] > enough[r.Type] && enough[r.Type] > 0 {
			continue // no role of a stack's, or as another
		}
		delete(r.Tags, "ManagedBy")
		if r.Type != "aws:route53/record:Record" {
			delete(r.Values, "name")
			delete(r.Values, "type")
		}
		text := strings.ReplaceAll(string(encoded(r)), account, "123456789012")
		text = madeUp.ReplaceAllStringFunc(text, func(id string) string { return cmp.Or(names[id], "x") })
		var plain Resource
		if err := json.Unmarshal([]byte(suffixes.ReplaceAllString(text, "${1}-1a2b3c4")), &plain); err != nil {
			panic(fmt.Sprintf("decoding an inventory: %v", err)) // it was encoded here
		}
		slices.Sort(plain.Refs)
		lines = append(lines, string(encoded(plain)))
	}
	slices.Sort(lines)
	return slices.Concat([]byte("[\n  "), []byte(strings.Join(slices.Compact(lines), ",\n  ")), []byte("\n]\n"))
}

func encoded(r Resource) []byte {
	data, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("encoding an inventory: %v", err)) // texts only
	}
	return data
}

// ReadInventory reads what [WriteInventory] wrote.
func ReadInventory(data []byte) (list []Resource, err error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return list, decoder.Decode(&list)
}
