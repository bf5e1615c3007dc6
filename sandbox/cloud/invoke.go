package cloud

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// query is one function call of a program.
type query struct {
	cloud  *Cloud
	region string
	caller string
	in     props
}

// functions are the provider functions that the sandbox knows, by the short
// form of the token. A result gets an id when it has none.
var functions = map[string]func(q query) (props, error){
	"index/getAvailabilityZones":          always(zones),
	"index/getCallerIdentity":             always(callerIdentity),
	"index/getPartition":                  always(partition),
	"index/getRegion":                     always(regionOf),
	"route53/getZone":                     zoneOf,
	"acm/getCertificate":                  certificateOf,
	"ec2/getManagedPrefixList":            prefixList,
	"ec2/getPrefixList":                   prefixList,
	"ecr/getAuthorizationToken":           authorizationToken,
	"ecs/getService":                      serviceOf,
	"ecs/getTaskDefinition":               taskDefinitionOf,
	"ecs/getContainerDefinition":          containerDefinitionOf,
	"iam/getPolicyDocument":               policyDocument,
	"ssm/getParametersByPath":             always(parametersByPath),
	"cloudfront/getCachePolicy":           managedPolicy("cloudfront/cachePolicy"),
	"cloudfront/getOriginRequestPolicy":   managedPolicy("cloudfront/originRequestPolicy"),
	"cloudfront/getResponseHeadersPolicy": managedPolicy("cloudfront/responseHeadersPolicy"),
}

// Invoke answers a function call.
func (p *provider) Invoke(ctx context.Context, req *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	function, known := functions[shortType(req.GetTok())]
	if !known {
		return nil, status.Errorf(codes.Unimplemented,
			"the sandbox does not know the function %s yet: add it to sandbox/cloud/invoke.go", req.GetTok())
	}
	region, _, err := sessionOf(ctx)
	if err != nil {
		return nil, err
	}
	in := decode(req.GetArgs())
	if override := in.str("region"); override != "" {
		region = override
	}
	p.cloud.mu.Lock()
	defer p.cloud.mu.Unlock()
	caller := callerOf(ctx)
	out, err := function(query{cloud: p.cloud, region: region, caller: caller, in: in})
	if err == nil {
		err = p.cloud.mayRead(caller, req.GetTok(), region, in, out)
	}
	if err != nil {
		return nil, fmt.Errorf("invoking %s: %w", req.GetTok(), err)
	}
	for name, value := range in {
		if out[name] == nil {
			out[name] = value
		}
	}
	if out["id"] == nil {
		out["id"] = region
	}
	result, err := encode(out, nil) // plain: the SDK's synchronous calls refuse secrets.
	return &pulumirpc.InvokeResponse{Return: result}, err
}

// call gives a query the look-ups of a call.
func (q query) call() *call { return &call{cloud: q.cloud, region: q.region} }

// always is a function that cannot fail.
func always(function func(q query) props) func(q query) (props, error) {
	return func(q query) (props, error) { return function(q), nil }
}

func zones(q query) props {
	var names, ids []any
	for _, zone := range Zones(q.region) {
		names = append(names, zone)
		ids = append(ids, zoneID(zone))
	}
	return props{"names": names, "zoneIds": ids, "groupNames": []any{q.region}}
}

// zoneID is the id of a zone, such as euw1-az1 for eu-west-1a.
func zoneID(zone string) string {
	parts := strings.Split(zone, "-")
	last := parts[len(parts)-1]
	short := parts[0] + parts[1][:1] + last[:1]
	return fmt.Sprintf("%s-az%d", short, last[1]-'a'+1)
}

func callerIdentity(q query) props {
	return props{
		"accountId": Account, "id": Account, "userId": "AIDASANDBOX", "arn": Principal(q.caller).ARN,
	}
}

func partition(query) props {
	return props{
		"partition": Partition, "id": Partition, "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws",
	}
}

func regionOf(q query) props {
	return props{
		"name": q.region, "id": q.region, "description": q.region, "endpoint": "ec2." + q.region + ".amazonaws.com",
	}
}

func zoneOf(q query) (props, error) {
	name := strings.TrimSuffix(q.in.str("name"), ".")
	zone := q.call().first(q.region, "route53/zone", func(r *Resource) bool {
		if id := q.in.str("zoneId"); id != "" {
			return r.ID == id
		}
		return strings.TrimSuffix(text(r.Outputs["name"]), ".") == name
	})
	if zone == nil {
		return nil, fmt.Errorf("no matching Route 53 Hosted Zone found")
	}
	out := props(merge(zone.Outputs))
	out["id"], out["zoneId"], out["name"] = zone.ID, zone.ID, strings.TrimSuffix(text(zone.Outputs["name"]), ".")
	out["privateZone"], out["resourceRecordSetCount"] = zone.Outputs["vpcs"] != nil, 2.0
	for _, name := range []string{"callerReference", "linkedServiceDescription", "linkedServicePrincipal", "vpcId"} {
		out[name] = ""
	}
	return out, nil
}

func certificateOf(q query) (props, error) {
	found := q.call().find("acm/certificate", "domainName", q.in.str("domain"))
	if found == nil || found.Outputs["status"] != issued {
		return nil, fmt.Errorf("no ACM Certificate matching domain (%s)", q.in.str("domain"))
	}
	return props{
		"arn": found.ID, "id": found.ID, "status": issued, "certificate": "", "certificateChain": "",
		"tags": found.Outputs["tagsAll"],
	}, nil
}

// prefixLists are the AWS-managed prefix lists, by the end of their names.
var prefixLists = map[string]string{
	"s3": "203.0.113.0/25", "dynamodb": "203.0.113.128/25", "cloudfront.origin-facing": "198.51.100.0/24",
}

// prefixListID is the same in every look-up of a region's list.
func prefixListID(region, name string) string { return "pl-" + token(region, name)[:8] }

func prefixList(q query) (props, error) {
	name := q.in.str("name")
	for _, filter := range q.in.objects("filters") {
		if filter.str("name") == "prefix-list-name" {
			name = filter.str("values")
		}
	}
	for suffix, block := range prefixLists {
		full := "com.amazonaws." + q.region + "." + suffix
		if strings.HasPrefix(suffix, "cloudfront") {
			full = "com.amazonaws.global." + suffix
		}
		id := prefixListID(q.region, full)
		if name != full && q.in.str("id") != id && q.in.str("prefixListId") != id {
			continue
		}
		return props{
			"id": id, "prefixListId": id, "name": full, "addressFamily": "IPv4", "ownerId": "AWS", "maxEntries": 0.0,
			"arn":  fmt.Sprintf("arn:aws:ec2:%s:aws:prefix-list/%s", q.region, id),
			"tags": map[string]any{}, "version": 0.0, "cidrBlocks": []any{block},
			"entries": []any{map[string]any{"cidr": block, "description": ""}},
		}, nil
	}
	return nil, fmt.Errorf("no matching EC2 Managed Prefix List found: %s", name)
}

// parametersByPath lists the parameters right below a path; there may be none.
func parametersByPath(q query) props {
	path := strings.TrimSuffix(q.in.str("path"), "/") + "/"
	out := props{"id": q.in.str("path"), "arns": []any{}, "names": []any{}, "types": []any{}, "values": []any{}}
	for _, r := range q.call().each("ssm/parameter", func(r *Resource) bool {
		below, ok := strings.CutPrefix(text(r.Outputs["name"]), path)
		return ok && (q.in.yes("recursive") || !strings.Contains(below, "/"))
	}) {
		for list, property := range map[string]string{"arns": "arn", "names": "name", "types": "type", "values": "value"} {
			out[list] = append(out[list].([]any), r.Outputs[property])
		}
	}
	return out
}

func authorizationToken(q query) (props, error) {
	if q.cloud.opts.Images == nil {
		return nil, fmt.Errorf("the sandbox runs without a registry")
	}
	password := q.cloud.opts.Images.Password()
	return props{
		"userName": "AWS", "password": password, "registryId": Account, "proxyEndpoint": q.cloud.opts.Images.Endpoint(),
		"authorizationToken": base64.StdEncoding.EncodeToString([]byte("AWS:" + password)),
		"expiresAt":          "2099-01-01T00:00:00Z",
	}, nil
}

// managedPolicy looks up one of CloudFront's own or a program's policies.
func managedPolicy(short string) func(q query) (props, error) {
	return func(q query) (props, error) {
		for name, id := range managedPolicies[short] {
			if name == q.in.str("name") || id == q.in.str("id") {
				return props{"id": id, "name": name, "etag": "E23ZP02F085DFQ", "comment": ""}, nil
			}
		}
		for _, by := range []string{"name", "id"} {
			if found := q.call().find(short, by, q.in.str(by)); found != nil {
				out := props(merge(found.Outputs))
				out["id"] = found.ID
				return out, nil
			}
		}
		return nil, fmt.Errorf("no matching %s found: %s", short, q.in.str("name"))
	}
}
