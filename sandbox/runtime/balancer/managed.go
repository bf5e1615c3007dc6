package balancer

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// managedRule stands for one of AWS's managed rules in each part of a request, such as
// EC2MetaDataSSRF_BODY and EC2MetaDataSSRF_URIPATH.
type managedRule struct {
	name, parts string
	pattern     string // in lower case, or "" for what has more than most bytes.
	most        int64
}

// managedGroups are AWS's rule groups by name. AWS does not publish what its rules look
// for: these patterns are the examples that its documentation gives of each, so a
// request that passes here may be blocked on AWS, and the other way round.
// https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
// https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-use-case.html
var managedGroups = map[string]struct {
	labels string
	rules  []managedRule
}{
	"AWSManagedRulesCommonRuleSet": {"core-rule-set", []managedRule{
		{"NoUserAgent", "HEADER", `(?m)^user-agent: $`, 0},
		{"UserAgent_BadBots", "HEADER", `(?m)^user-agent: .*(nessus|nmap)`, 0},
		{"SizeRestrictions", "QUERYSTRING", "", 2048},
		{"SizeRestrictions", "BODY", "", bodyLimit},
		{"SizeRestrictions", "URIPATH", "", 1024},
		{"EC2MetaDataSSRF", "BODY COOKIE URIPATH QUERYARGUMENTS", `169\.254\.169\.254`, 0},
		{"GenericLFI", "BODY URIPATH QUERYARGUMENTS", `\.\.[/\\]+\.\.[/\\]`, 0},
		{"RestrictedExtensions", "URIPATH QUERYARGUMENTS", `\.(log|ini)\b`, 0},
		{"GenericRFI", "BODY URIPATH QUERYARGUMENTS", `(https?|ftps?|file)://\d{1,3}(\.\d{1,3}){3}`, 0},
		{"CrossSiteScripting", "BODY COOKIE URIPATH QUERYARGUMENTS", `<script\b|\bonerror\s*=|javascript:`, 0},
	}},
	"AWSManagedRulesKnownBadInputsRuleSet": {"known-bad-inputs", []managedRule{
		{"JavaDeserializationRCE", "BODY HEADER URIPATH QUERYSTRING", `java\.lang\.runtime`, 0},
		{"Host_localhost", "HEADER", `(?m)^host: localhost`, 0},
		{"PROPFIND", "METHOD", `^propfind$`, 0},
		{"ExploitablePaths", "URIPATH", `web-inf`, 0},
		{"Log4JRCE", "BODY HEADER URIPATH QUERYSTRING", `\$\{jndi:`, 0},
		{"ReactJSRCE", "BODY", `\$[0-9a-f]+:(__proto__|constructor)`, 0},
	}},
	"AWSManagedRulesSQLiRuleSet": {"sql-database", []managedRule{
		{"SQLi", "BODY COOKIE URIPATH QUERYARGUMENTS", `\bunion\s+(all\s+)?select\b|'\s*or\s+'?\d+'?\s*=|;\s*drop\s+table\b`, 0},
		{"SQLiExtendedPatterns", "BODY QUERYARGUMENTS", `\bwaitfor\s+delay\b|\binformation_schema\b`, 0},
	}},
}

// partLabels are the ends of the labels for a part of a request.
var partLabels = map[string]string{
	"BODY": "Body", "COOKIE": "Cookie", "HEADER": "Header", "METHOD": "Method", "QUERYARGUMENTS": "QueryArguments",
	"QUERYSTRING": "QueryString", "URIPATH": "URIPath",
}

var managedPatterns = func() map[string]*regexp.Regexp {
	all := map[string]*regexp.Regexp{}
	for _, group := range managedGroups {
		for _, rule := range group.rules {
			all[rule.pattern] = regexp.MustCompile(rule.pattern)
		}
	}
	return all
}()

// managed labels a request as a group does, and reports whether a rule blocks it that
// does not only count.
func (i *inspection) managed(group *ManagedGroup) (blocked bool) {
	known := managedGroups[group.Name]
	for _, rule := range known.rules {
		for part := range strings.SplitSeq(rule.parts, " ") {
			text, size := i.part(part)
			if rule.most > 0 && size <= rule.most || rule.most == 0 && !managedPatterns[rule.pattern].MatchString(text) {
				continue
			}
			i.labels["awswaf:managed:aws:"+known.labels+":"+rule.name+"_"+partLabels[part]] = true
			name := rule.name + "_" + part
			blocked = blocked || !slices.ContainsFunc(group.RuleActionOverrides, func(o override) bool {
				return o.Name == name && o.ActionToUse.Count != nil
			})
		}
	}
	return blocked
}

// part is a part of the request in lower case, decoded, and its size.
func (i *inspection) part(name string) (text string, size int64) {
	r := i.request
	switch name {
	case "BODY":
		return plain(string(i.body)), i.size
	case "COOKIE":
		text = r.Header.Get("Cookie")
	case "HEADER":
		return i.headers(), 0
	case "METHOD":
		text = r.Method
	case "QUERYARGUMENTS", "QUERYSTRING":
		text = r.URL.RawQuery
	default:
		text = r.URL.EscapedPath()
	}
	return plain(text), int64(len(text))
}

// headers are those of the request, a line each, with the host and the user agent in
// any case.
func (i *inspection) headers() string {
	lines := []string{"host: " + i.request.Host + "\n", "user-agent: " + i.request.UserAgent() + "\n"}
	for name, values := range i.request.Header {
		lines = append(lines, name+": "+strings.Join(values, ", ")+"\n")
	}
	return strings.ToLower(strings.Join(lines, ""))
}

// jsonEscapes are of characters that many clients escape in JSON.
var jsonEscapes = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&", `\u0027`, "'", `\/`, "/")

// plain is a text in lower case, without the escapes of JSON and URLs.
func plain(text string) string {
	text = jsonEscapes.Replace(strings.ToLower(text))
	if decoded, err := url.QueryUnescape(text); err == nil {
		return decoded
	}
	return text
}
