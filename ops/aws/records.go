package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

// Weights implements [ops.Cloud].
func (c *Cloud) Weights(ctx context.Context) (ops.Weights, error) {
	_, records, err := c.records(ctx)
	if err != nil {
		return nil, err
	}
	return weightsOf(records), nil
}

// SetWeights implements [ops.Cloud]. A batch is carried out as a whole or not at all,
// and a record is only deleted as it is named, so a batch that deletes each record as
// it was and makes it anew is a compare and swap.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
func (c *Cloud) SetWeights(ctx context.Context, was, weights ops.Weights) error {
	name := naming.LiveDomain(c.settings.Domain)
	zone, records, err := c.records(ctx)
	if err != nil {
		return err
	}
	if got := weightsOf(records); !maps.Equal(got, was) {
		return fmt.Errorf("records %q must be %s, got %s: %w", name, was, got, ops.ErrTrafficChanged)
	}
	var changes []types.Change
	for _, record := range records {
		weight, stays := weights[*record.SetIdentifier]
		if stays && int64(weight) == *record.Weight {
			continue
		}
		was := record
		changes = append(changes, types.Change{Action: types.ChangeActionDelete, ResourceRecordSet: &was})
		if stays {
			record.Weight = aws.Int64(int64(weight))
			changes = append(changes, types.Change{Action: types.ChangeActionCreate, ResourceRecordSet: &record})
		}
	}
	for color := range weights {
		if _, known := was[color]; !known {
			return fmt.Errorf("colour %q has no record %q, and its load balancer is not known here: give it one with codeflow:traffic and pulumi up", color, name)
		}
	}
	if len(changes) == 0 {
		return nil
	}
	_, err = c.names.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{
		HostedZoneId: aws.String(zone), ChangeBatch: &types.ChangeBatch{Changes: changes, Comment: aws.String("by ops")},
	})
	var stale *types.InvalidChangeBatch
	if errors.As(err, &stale) {
		return fmt.Errorf("changing records %q of zone %q from %s to %s: %w: %w", name, zone, was, weights, ops.ErrTrafficChanged, err)
	}
	if err != nil {
		return fmt.Errorf("changing records %q of zone %q: %w", name, zone, err)
	}
	return nil
}

// records lists the weighted records, of addresses of both kinds, and the zone.
func (c *Cloud) records(ctx context.Context) (zone string, records []types.ResourceRecordSet, err error) {
	name := naming.LiveDomain(c.settings.Domain)
	zone, err = c.settings.Zone(ctx)
	if err != nil {
		return "", nil, fmt.Errorf("finding the zone of %q: %w", name, err)
	}
	pages := route53.NewListResourceRecordSetsPaginator(c.names, &route53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(zone), StartRecordName: aws.String(name), StartRecordType: types.RRTypeA,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", nil, fmt.Errorf("reading records %q of zone %q: %w", name, zone, err)
		}
		for _, record := range page.ResourceRecordSets {
			address := record.Type == types.RRTypeA || record.Type == types.RRTypeAaaa
			if strings.TrimSuffix(aws.ToString(record.Name), ".") != name || !address {
				return zone, records, nil // the list is sorted
			}
			if record.SetIdentifier != nil && record.Weight != nil {
				records = append(records, record)
			}
		}
	}
	return zone, records, nil
}

// weightsOf are those of the A records.
func weightsOf(records []types.ResourceRecordSet) ops.Weights {
	weights := ops.Weights{}
	for _, record := range records {
		if record.Type == types.RRTypeA {
			weights[*record.SetIdentifier] = int(*record.Weight)
		}
	}
	return weights
}

// zone looks the hosted zone up once. The stack has it among its outputs, but the way
// back must not need the stack.
func (c *Cloud) zone(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.zoneID != "" {
		return c.zoneID, nil
	}
	var ids []string
	pages := route53.NewListHostedZonesPaginator(c.names, &route53.ListHostedZonesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", fmt.Errorf("listing hosted zones: %w", err)
		}
		for _, zone := range page.HostedZones {
			private := zone.Config != nil && zone.Config.PrivateZone
			if strings.TrimSuffix(aws.ToString(zone.Name), ".") == c.settings.ZoneName && !private {
				ids = append(ids, strings.TrimPrefix(aws.ToString(zone.Id), "/hostedzone/"))
			}
		}
	}
	if len(ids) != 1 {
		return "", fmt.Errorf("there must be one public hosted zone %q, got %d %v: set domain.zoneName of codeflow:platform", c.settings.ZoneName, len(ids), ids)
	}
	c.zoneID = ids[0]
	return c.zoneID, nil
}
