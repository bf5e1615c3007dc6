package stacks

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/dns"
)

// interlocked returns the share of each colour. No share is known before every
// colour has passed the interlock, so one bad colour leaves all records as they
// are.
func interlocked(ctx *pulumi.Context, traffic Traffic) ([]dns.Share, error) {
	var shares []dns.Share
	var gates []any
	for _, name := range traffic.Colors() {
		color, err := read[ColorOutputs](ctx, name)
		if err != nil {
			return nil, err
		}
		gates = append(gates, interlock(name, color))
		shares = append(shares, dns.Share{Color: name, Weight: traffic[name], Target: dns.Target{
			DNSName: color.LoadBalancerDNSName, ZoneID: color.LoadBalancerZoneID,
		}})
	}
	open := pulumi.All(gates...)
	for i := range shares {
		shares[i].Target.DNSName = pulumi.All(shares[i].Target.DNSName, open).ApplyT(func(all []any) string {
			return all[0].(string)
		}).(pulumi.StringOutput)
	}
	return shares, nil
}

// interlock fails when the last deployment of a colour did not settle on what it
// asked for.
func interlock(name string, c *ColorOutputs) pulumi.Output {
	return pulumi.All(c.Digest, c.SettledDigest, c.TaskDefinition, c.SettledTaskDefinition).ApplyT(
		func(all []any) (bool, error) {
			return true, checkInterlock(name, all[0].(string), all[1].(string), all[2].(string), all[3].(string))
		})
}

func checkInterlock(name, digest, settledDigest, task, settledTask string) error {
	if digest == settledDigest && task == settledTask {
		return nil
	}
	return fmt.Errorf("traffic for %q is refused: its last deployment asked for %s (%s), but ECS settled on %s (%s): "+
		"repair it with pulumi up --refresh -s %s, or remove %q from codeflow:traffic",
		name, digest, task, settledDigest, settledTask, name, name)
}
