package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsapi"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
)

// recordsPage is the greatest page of records.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html
const recordsPage = 300

func (a *Account) route53API() awsapi.Service {
	const zones = "/2013-04-01/hostedzone"
	return awsapi.Service{
		SigningName: "route53", Namespace: "https://route53.amazonaws.com/doc/2013-04-01/",
		Routes: map[string]string{
			"GET " + zones: "ListHostedZones", "GET " + zones + "/{HostedZoneId}/rrset": "ListResourceRecordSets",
			"POST " + zones + "/{HostedZoneId}/rrset": "ChangeResourceRecordSets",
		},
		Parameters: map[string]map[string]string{
			"ListHostedZones": {"marker": "Marker", "maxitems": "MaxItems"},
			"ListResourceRecordSets": {
				"name": "StartRecordName", "type": "StartRecordType", "identifier": "StartRecordIdentifier", "maxitems": "MaxItems",
			},
		},
		Operations: map[string]awsapi.Operation{
			"ListHostedZones": awsapi.Do(a.listHostedZones),
			"ListResourceRecordSets": awsapi.Needs(awsapi.Do(a.listRecords), func(_ context.Context, in *route53.ListResourceRecordSetsInput) awsapi.Permission {
				return on(zoneARN(in.HostedZoneId))
			}),
			"ChangeResourceRecordSets": awsapi.Needs(awsapi.Do(a.changeRecords), changePermission),
		},
	}
}

func (a *Account) listHostedZones(ctx context.Context, in *route53.ListHostedZonesInput) (*route53.ListHostedZonesOutput, error) {
	found, _ := a.named(ctx, "route53/zone", nil)
	part, next, err := page(found, in.Marker, in.MaxItems, 100)
	out := &route53.ListHostedZonesOutput{Marker: in.Marker, NextMarker: next, IsTruncated: next != nil, MaxItems: aws.Int32(100)}
	for _, r := range part {
		out.HostedZones = append(out.HostedZones, types.HostedZone{Id: aws.String("/hostedzone/" + r.ID), Name: aws.String(dotted(textOf(r, "name")))})
	}
	return out, err
}

// changePermission has the condition keys of a change.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html
func changePermission(_ context.Context, in *route53.ChangeResourceRecordSetsInput) awsapi.Permission {
	p := on(zoneARN(in.HostedZoneId))
	const key = "route53:ChangeResourceRecordSets"
	p.Conditions = map[string][]string{}
	add := func(name, value string) { p.Conditions[key+name] = append(p.Conditions[key+name], value) }
	for _, change := range in.ChangeBatch.Changes {
		add("NormalizedRecordNames", strings.ToLower(strings.TrimSuffix(aws.ToString(change.ResourceRecordSet.Name), ".")))
		add("RecordTypes", string(change.ResourceRecordSet.Type))
		add("Actions", string(change.Action))
	}
	return p
}

func zoneARN(id *string) string { return "arn:aws:route53:::hostedzone/" + aws.ToString(id) }

// dotted is a name as Route 53 answers with it.
func dotted(name string) string { return strings.TrimSuffix(name, ".") + "." }

// position is what records are sorted by: the labels from the last to the first, the
// type and the identifier.
func position(name, kind, identifier string) []string {
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(name, ".")), ".")
	slices.Reverse(labels)
	return []string{strings.Join(labels, "\x00"), kind, identifier}
}

func positionOf(r types.ResourceRecordSet) []string {
	return position(aws.ToString(r.Name), string(r.Type), aws.ToString(r.SetIdentifier))
}

func (a *Account) listRecords(ctx context.Context, in *route53.ListResourceRecordSetsInput) (*route53.ListResourceRecordSetsOutput, error) {
	records, err := a.recordsOf(ctx, aws.ToString(in.HostedZoneId))
	if err != nil {
		return nil, err
	}
	var all []types.ResourceRecordSet
	for _, r := range records {
		all = append(all, r.set)
	}
	slices.SortFunc(all, func(a, b types.ResourceRecordSet) int { return slices.Compare(positionOf(a), positionOf(b)) })
	from := position(aws.ToString(in.StartRecordName), string(in.StartRecordType), aws.ToString(in.StartRecordIdentifier))
	if in.StartRecordName != nil {
		all = slices.DeleteFunc(all, func(r types.ResourceRecordSet) bool { return slices.Compare(positionOf(r), from) < 0 })
	}
	size := min(int(cmp.Or(aws.ToInt32(in.MaxItems), recordsPage)), recordsPage)
	out := &route53.ListResourceRecordSetsOutput{ResourceRecordSets: all[:min(size, len(all))], MaxItems: aws.Int32(int32(size))}
	if out.ResourceRecordSets == nil {
		out.ResourceRecordSets = []types.ResourceRecordSet{}
	}
	if len(all) > size {
		next := all[size]
		out.IsTruncated, out.NextRecordName, out.NextRecordType, out.NextRecordIdentifier = true, next.Name, next.Type, next.SetIdentifier
	}
	return out, nil
}

// recordAPI is a record as Route 53 describes it.
func recordAPI(r *cloud.Resource) (types.ResourceRecordSet, error) {
	var spec struct {
		FQDN, Type, SetIdentifier string
		HealthCheckID             *string
		TTL                       *int64
		Records                   []string
		Aliases                   []struct {
			Name, ZoneID         string
			EvaluateTargetHealth bool
		}
		WeightedRoutingPolicies []struct{ Weight int64 }
		FailoverRoutingPolicies []struct{ Type string }
	}
	err := decode(r, &spec)
	record := types.ResourceRecordSet{Name: aws.String(dotted(spec.FQDN)), Type: types.RRType(spec.Type), HealthCheckId: spec.HealthCheckID}
	if spec.SetIdentifier != "" {
		record.SetIdentifier = &spec.SetIdentifier
	}
	for _, policy := range spec.WeightedRoutingPolicies {
		record.Weight = &policy.Weight
	}
	for _, policy := range spec.FailoverRoutingPolicies {
		record.Failover = types.ResourceRecordSetFailover(policy.Type)
	}
	for _, alias := range spec.Aliases {
		record.AliasTarget = &types.AliasTarget{DNSName: aws.String(dotted(alias.Name)), HostedZoneId: &alias.ZoneID, EvaluateTargetHealth: alias.EvaluateTargetHealth}
	}
	if len(spec.Records) > 0 {
		record.TTL = spec.TTL
	}
	for _, value := range spec.Records {
		record.ResourceRecords = append(record.ResourceRecords, types.ResourceRecord{Value: &value})
	}
	return record, err
}

// record is one of a zone, and the resource that it is.
type record struct {
	set      types.ResourceRecordSet
	resource *cloud.Resource // nil before it is one.
}

// recordsOf are the records of a zone, by their positions.
func (a *Account) recordsOf(ctx context.Context, zone string) (map[string]record, error) {
	if _, missing := a.named(ctx, "route53/zone", []string{zone}); missing != "" {
		return nil, &types.NoSuchHostedZone{Message: aws.String("No hosted zone found with ID: " + zone)}
	}
	records := map[string]record{}
	for _, r := range a.each("route53/record") {
		if textOf(r, "zoneId") == zone {
			set, err := recordAPI(r)
			if err != nil {
				return nil, err
			}
			records[strings.Join(positionOf(set), " ")] = record{set, r}
		}
	}
	return records, nil
}

// changeRecords carries all changes out or none, behind the engine's back.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
func (a *Account) changeRecords(ctx context.Context, in *route53.ChangeResourceRecordSetsInput) (*route53.ChangeResourceRecordSetsOutput, error) {
	a.records.Lock()
	defer a.records.Unlock()
	zone := aws.ToString(in.HostedZoneId)
	before, err := a.recordsOf(ctx, zone)
	if err != nil {
		return nil, err
	}
	after := maps.Clone(before)
	for _, change := range in.ChangeBatch.Changes {
		set := *change.ResourceRecordSet
		set.Name = aws.String(dotted(aws.ToString(set.Name)))
		at := strings.Join(positionOf(set), " ")
		current, exists := after[at]
		problem := ""
		switch {
		case change.Action == types.ChangeActionCreate && exists:
			problem = "Tried to create resource record set [%s] but it already exists"
		case change.Action == types.ChangeActionDelete && !exists:
			problem = "Tried to delete resource record set [%s] but it was not found"
		case change.Action == types.ChangeActionDelete && !reflect.DeepEqual(current.set, set):
			problem = "Tried to delete resource record set [%s] but the values provided do not match the current values"
		}
		if problem != "" {
			identity := fmt.Sprintf("name='%s', type='%s', set identifier='%s'", *set.Name, set.Type, aws.ToString(set.SetIdentifier))
			return nil, &types.InvalidChangeBatch{Message: aws.String("[" + fmt.Sprintf(problem, identity) + "]")}
		}
		if change.Action == types.ChangeActionDelete {
			delete(after, at)
		} else {
			after[at] = record{set, before[at].resource}
		}
	}
	for at, r := range before {
		if _, stays := after[at]; !stays {
			err = errors.Join(err, a.Cloud.Store().Delete(r.resource.Type, r.resource.Region, r.resource.Key))
		}
	}
	for at, r := range after {
		if !reflect.DeepEqual(r.set, before[at].set) {
			err = errors.Join(err, a.Cloud.Store().Put(r.properties(zone)))
		}
	}
	if err == nil && a.Runtime != nil {
		err = a.followRecords()
	}
	return &route53.ChangeResourceRecordSetsOutput{ChangeInfo: &types.ChangeInfo{
		Id: aws.String("/change/C1"), Status: types.ChangeStatusPending, SubmittedAt: aws.Time(time.Now()),
	}}, err
}

// properties is the resource that a record is now.
func (r record) properties(zone string) *cloud.Resource {
	name, kind, identifier := strings.TrimSuffix(*r.set.Name, "."), string(r.set.Type), aws.ToString(r.set.SetIdentifier)
	properties := map[string]any{"zoneId": zone, "name": name, "fqdn": name, "type": kind}
	if identifier != "" {
		properties["setIdentifier"] = identifier
	}
	if r.set.HealthCheckId != nil {
		properties["healthCheckId"] = *r.set.HealthCheckId
	}
	if r.set.Weight != nil {
		properties["weightedRoutingPolicies"] = []any{map[string]any{"weight": *r.set.Weight}}
	}
	if r.set.Failover != "" {
		properties["failoverRoutingPolicies"] = []any{map[string]any{"type": string(r.set.Failover)}}
	}
	if to := r.set.AliasTarget; to != nil {
		properties["aliases"] = []any{map[string]any{
			"name": strings.TrimSuffix(aws.ToString(to.DNSName), "."), "zoneId": aws.ToString(to.HostedZoneId), "evaluateTargetHealth": to.EvaluateTargetHealth,
		}}
	}
	if r.set.TTL != nil {
		properties["ttl"] = *r.set.TTL
	}
	var values []any
	for _, value := range r.set.ResourceRecords {
		values = append(values, aws.ToString(value.Value))
	}
	if len(values) > 0 {
		properties["records"] = values
	}
	if r.resource == nil {
		id := strings.TrimSuffix(strings.Join([]string{zone, name, kind, identifier}, "_"), "_")
		return &cloud.Resource{Type: "aws:route53/record:Record", ID: id, Region: "global", Inputs: properties, Outputs: properties}
	}
	changed := *r.resource
	changed.Outputs = maps.Clone(changed.Outputs)
	for _, policy := range []string{"healthCheckId", "weightedRoutingPolicies", "failoverRoutingPolicies", "aliases", "ttl", "records"} {
		delete(changed.Outputs, policy)
	}
	maps.Copy(changed.Outputs, properties)
	changed.Outputs["name"] = r.resource.Outputs["name"] // as it was given.
	return &changed
}
