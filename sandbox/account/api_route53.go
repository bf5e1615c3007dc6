package account

import (
	"cmp"
	"context"
	"slices"
	"strings"

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
		Routes: map[string]string{"GET " + zones: "ListHostedZones", "GET " + zones + "/{HostedZoneId}/rrset": "ListResourceRecordSets"},
		Parameters: map[string]map[string]string{
			"ListHostedZones": {"marker": "Marker", "maxitems": "MaxItems"},
			"ListResourceRecordSets": {
				"name": "StartRecordName", "type": "StartRecordType", "identifier": "StartRecordIdentifier", "maxitems": "MaxItems",
			},
		},
		Operations: map[string]awsapi.Operation{
			"ListHostedZones": awsapi.Do(a.listHostedZones),
			"ListResourceRecordSets": awsapi.On(awsapi.Do(a.listRecords), func(in *route53.ListResourceRecordSetsInput) []string {
				return []string{"arn:aws:route53:::hostedzone/" + aws.ToString(in.HostedZoneId)}
			}),
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
	zone := aws.ToString(in.HostedZoneId)
	if _, missing := a.named(ctx, "route53/zone", []string{zone}); missing != "" {
		return nil, &types.NoSuchHostedZone{Message: aws.String("No hosted zone found with ID: " + zone)}
	}
	var all []types.ResourceRecordSet
	for _, r := range a.each("route53/record") {
		if textOf(r, "zoneId") != zone {
			continue
		}
		record, err := recordAPI(r)
		if err != nil {
			return nil, err
		}
		all = append(all, record)
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
	record := types.ResourceRecordSet{Name: aws.String(dotted(spec.FQDN)), Type: types.RRType(spec.Type)}
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
