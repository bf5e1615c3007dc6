package aws

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

// Weights implements [ops.Cloud].
func (c *Cloud) Weights(ctx context.Context) (ops.Weights, error) {
	name, weights := naming.LiveDomain(c.settings.Domain), ops.Weights{}
	zone, err := c.settings.Zone(ctx)
	if err != nil {
		return nil, fmt.Errorf("finding the zone of %q: %w", name, err)
	}
	pages := route53.NewListResourceRecordSetsPaginator(c.names, &route53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(zone), StartRecordName: aws.String(name), StartRecordType: types.RRTypeA,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading records %q of zone %q: %w", name, zone, err)
		}
		for _, record := range page.ResourceRecordSets {
			if strings.TrimSuffix(aws.ToString(record.Name), ".") != name || record.Type != types.RRTypeA {
				return weights, nil // the list is sorted
			}
			if record.SetIdentifier != nil && record.Weight != nil {
				weights[*record.SetIdentifier] = int(*record.Weight)
			}
		}
	}
	return weights, nil
}
