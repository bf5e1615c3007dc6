package comment

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/preview"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/protect"
)

const (
	recordType         = "aws:route53/record:Record"
	taskDefinitionType = "aws:ecs/taskDefinition:TaskDefinition"
)

// nouns are what people call the types whose token does not say it. Protected types
// have theirs in [protect.Types].
var nouns = map[string]string{
	"aws:ec2/eip:Eip":                          "public address",
	"aws:ec2/vpc:Vpc":                          "network",
	"aws:lb/listener:Listener":                 "load balancer's listener",
	"aws:route53/record:Record":                "DNS record",
	"aws:rds/subnetGroup:SubnetGroup":          "database's subnet group",
	"aws:cloudfront/distribution:Distribution": "CDN",
	"aws:wafv2/webAcl:WebAcl":                  "web firewall",
	"aws:sns/topic:Topic":                      "alarm topic",
}

// routine are types of which every release replaces one.
var routine = map[string]string{taskDefinitionType: ", as with each release"}

var humps = regexp.MustCompile(`[A-Z]?[a-z0-9]+|[A-Z]+`)

// noun is what people call a type, such as "log group" for
// aws:cloudwatch/logGroup:LogGroup.
func noun(token string) string {
	if t := protect.Find(token); t != nil {
		return t.Noun
	}
	if n, ok := nouns[token]; ok {
		return n
	}
	name := strings.TrimSuffix(token[strings.LastIndex(token, ":")+1:], "V2")
	return strings.ToLower(strings.Join(humps.FindAllString(name, -1), " "))
}

// maxDangers is how many replaced and deleted resources are told in words.
const maxDangers = 40

// dangers are the replaced and deleted resources, the protected and the deleted first.
func dangers(in *Input, v Verdict) string {
	var told []string
	for _, hit := range v.Hits {
		told = append(told, fmt.Sprintf("- **protected**: %s: %s", sentence(hit.Stack, hit.Step), hit.Type.Reason))
	}
	for _, kind := range []preview.Kind{preview.Delete, preview.Replace} {
		for _, p := range in.Previews {
			for _, s := range p.Steps {
				if s.Kind == kind && protect.Find(s.Type) == nil {
					told = append(told, "- "+sentence(p.Stack, s))
				}
			}
		}
	}
	if len(told) == 0 {
		return ""
	}
	if left := len(told) - maxDangers; left > 0 {
		told = append(told[:maxDangers], fmt.Sprintf("- and %d more, in the full preview", left))
	}
	return "**Replaced and deleted**\n\n" + strings.Join(told, "\n") + "\n"
}

// sentence is a step in words.
func sentence(stack string, s preview.Step) string {
	what := fmt.Sprintf("%s: the %s %s (%s) would be ", stack, noun(s.Type), code(s.Name), typeToken(s.Type))
	if s.Kind == preview.Delete {
		return what + "deleted"
	}
	return what + "replaced" + because(s) + routine[s.Type]
}

var harmless = regexp.MustCompile(`^[A-Za-z0-9/:-]+$`)

// typeToken is a type as it is, unless it would format something.
func typeToken(token string) string {
	if harmless.MatchString(token) && len(token) <= maxName {
		return token
	}
	return code(token)
}

// maxReasons is how many properties are told of a replacement.
const maxReasons = 3

// because names the properties that the provider gives as reasons, or all that
// differ where it gives none.
func because(s preview.Step) string {
	reasons := s.Reasons
	if len(reasons) == 0 {
		for _, change := range s.Changes {
			reasons = append(reasons, change.Path)
		}
	}
	if len(reasons) == 0 {
		return " because of what it depends on"
	}
	var names []string
	for _, reason := range reasons[:min(len(reasons), maxReasons)] {
		names = append(names, code(reason))
	}
	if left := len(reasons) - maxReasons; left > 0 {
		names = append(names, fmt.Sprintf("%d more", left))
	}
	return fmt.Sprintf(" because %s %s", list(names), plural(len(names), "changes", "change"))
}

// none stands for what is not there, or not there any more.
const none = "none"

// maxRows bounds the lists of weights and images.
const maxRows = 20

// traffic is the weights that change, such as "blue 100 → 90, green 0 → 10".
func traffic(in *Input) string {
	byRecord := map[string][]string{}
	for _, p := range in.Previews {
		for _, s := range p.Steps {
			before, after := weight(s.Old), weight(s.New)
			if s.Type != recordType || before == after {
				continue
			}
			record := s.New
			if record == nil {
				record = s.Old
			}
			name := fmt.Sprintf("%s: %s", p.Stack, code(text(record["name"])))
			byRecord[name] = append(byRecord[name], fmt.Sprintf("%s %s → %s", code(text(record["setIdentifier"])), before, after))
		}
	}
	var rows []string
	for _, record := range slices.Sorted(maps.Keys(byRecord)) {
		slices.Sort(byRecord[record])
		rows = append(rows, record+" "+strings.Join(byRecord[record], ", "))
	}
	return section("Traffic", rows)
}

// weight is that of a weighted record.
func weight(inputs map[string]any) string {
	policies, _ := inputs["weightedRoutingPolicies"].([]any)
	if len(policies) == 0 {
		return none
	}
	policy, _ := policies[0].(map[string]any)
	return text(policy["weight"])
}

// text is a value as people write it.
func text(v any) string {
	if v == nil {
		return none
	}
	return fmt.Sprint(v)
}

// images are those of containers that change, by stack.
func images(in *Input) string {
	var rows []string
	for _, p := range in.Previews {
		for _, s := range p.Steps {
			if s.Type == taskDefinitionType {
				rows = append(rows, imagesOf(p.Stack, s)...)
			}
		}
	}
	return section("Images", rows)
}

// imagesOf has a row for each image, whichever containers run it.
func imagesOf(stack string, s preview.Step) (rows []string) {
	before, after := containers(s.Old), containers(s.New)
	names := slices.AppendSeq(slices.Collect(maps.Keys(before)), maps.Keys(after))
	if _, unknown := after[""]; unknown && len(before) > 0 {
		names = slices.Collect(maps.Keys(before))
	}
	for _, name := range names {
		old, now := before[name], cmp.Or(after[name], after[""])
		if old != now {
			rows = append(rows, fmt.Sprintf("%s: %s → %s", stack, image(old), image(now)))
		}
	}
	slices.Sort(rows)
	return slices.Compact(rows)
}

// containers are the images of a task definition by the container's name, and what
// only the update knows by none.
func containers(inputs map[string]any) map[string]string {
	definitions, _ := inputs["containerDefinitions"].(string)
	var parsed []struct{ Name, Image string }
	if json.Unmarshal([]byte(definitions), &parsed) != nil && definitions != "" {
		return map[string]string{"": definitions}
	}
	images := map[string]string{}
	for _, c := range parsed {
		images[c.Name] = c.Image
	}
	return images
}

// Keep is what a comment needs of the inputs of a step, for [preview.Preview.Encode].
func Keep(s preview.Step) (before, after map[string]any) {
	var keep func(map[string]any) map[string]any
	switch s.Type {
	case recordType:
		keep = func(inputs map[string]any) map[string]any {
			return map[string]any{"name": inputs["name"], "setIdentifier": inputs["setIdentifier"], "weightedRoutingPolicies": inputs["weightedRoutingPolicies"]}
		}
	case taskDefinitionType:
		keep = func(inputs map[string]any) map[string]any {
			type named struct {
				Name  string `json:"name"`
				Image string `json:"image"`
			}
			var all []named
			for name, image := range containers(inputs) {
				if name == "" { // only the update knows them
					return map[string]any{"containerDefinitions": image}
				}
				all = append(all, named{name, image})
			}
			text, _ := json.Marshal(all) // texts
			return map[string]any{"containerDefinitions": string(text)}
		}
	default:
		return nil, nil
	}
	if s.Old != nil {
		before = keep(s.Old)
	}
	if s.New != nil {
		after = keep(s.New)
	}
	return before, after
}

// digits of a digest that are shown.
const digits = 12

// image shortens a reference: its digest says it all.
func image(reference string) string {
	if reference == "" {
		return none
	}
	if _, digest, ok := strings.Cut(reference, "@sha256:"); ok && len(digest) > digits {
		return code("sha256:" + digest[:digits])
	}
	return code(reference)
}

func section(title string, rows []string) string {
	if len(rows) == 0 {
		return ""
	}
	if left := len(rows) - maxRows; left > 0 {
		rows = append(rows[:maxRows], fmt.Sprintf("and %d more, in the full preview", left))
	}
	return "**" + title + "**\n\n- " + strings.Join(rows, "\n- ") + "\n"
}

// maxAgents bounds the summary of the agents, in bytes.
const maxAgents = 3000

// agents is the summary of agentbundle diff; the diff itself is folded.
func agents(diff string) string {
	summary, _, _ := strings.Cut(strings.TrimSpace(diff), "\n\n")
	if summary == "" {
		return ""
	}
	return "**Agents**\n\n" + fence("text", cut(clean(summary), maxAgents))
}

// maxPolicies is the length from which the results of the policies are folded, in bytes.
const maxPolicies = 6000

func policies(results string) string {
	results = strings.TrimSpace(clean(results))
	if results == "" || len(results) > maxPolicies {
		return ""
	}
	return "**Policies**\n\n" + results + "\n"
}

// signs lead the lines of a kind: a diff's, which GitHub colours.
var signs = map[preview.Kind]string{preview.Delete: "-", preview.Replace: "!", preview.Create: "+", preview.Update: "~"}

// full is the whole preview as lines, the worst first.
func full(p *preview.Preview) (all []string) {
	for _, warning := range p.Warnings {
		all = append(all, lines("# warning: "+cut(warning, maxError))...)
	}
	for _, kind := range []preview.Kind{preview.Delete, preview.Replace, preview.Create, preview.Update} {
		for _, s := range p.Steps {
			if s.Kind != kind {
				continue
			}
			all = append(all, fmt.Sprintf("%s %s %s %s", signs[kind], kind, oneLine(s.Type), oneLine(s.Name)))
			for _, change := range s.Changes {
				before, after := differ(oneLine(change.Old), oneLine(change.New))
				all = append(all, fmt.Sprintf("      %s: %s → %s", cut(oneLine(change.Path), maxName), before, after))
			}
		}
	}
	return all
}

func oneLine(text string) string { return strings.Join(strings.Fields(clean(text)), " ") }

// How much is shown of two values that differ, and how much before the difference,
// in bytes.
const (
	maxValue = 120
	context  = 20
)

// differ shortens two values to where they differ.
func differ(before, after string) (old, now string) {
	same := 0
	for same < min(len(before), len(after)) && before[same] == after[same] {
		same++
	}
	return around(before, same), around(after, same)
}

func around(value string, at int) string {
	if len(value) <= maxValue || at <= context {
		return cut(value, maxValue)
	}
	return "…" + cut(strings.ToValidUTF8(value[at-context:], ""), maxValue)
}
