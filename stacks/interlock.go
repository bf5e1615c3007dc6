package stacks

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ssm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/dns"
)

// interlocked returns the share of each colour. No share is known before every
// colour has passed the interlock, so one bad colour leaves all records as they
// are.
func (p *platformStack) interlocked(ctx *pulumi.Context, traffic Traffic) ([]dns.Share, error) {
	if len(traffic) == 0 {
		return nil, nil
	}
	switchedBack := p.switchedBack(ctx)
	var shares []dns.Share
	var gates []any
	for _, name := range traffic.Colors() {
		color, err := read[ColorOutputs](ctx, name)
		if err != nil {
			return nil, err
		}
		if reason := p.cfg.TrafficOverride[name]; reason == "" {
			gates = append(gates, interlock(name, color, switchedBack))
		}
		shares = append(shares, dns.Share{Color: name, Weight: traffic[name], Target: dns.Target{
			DNSName: color.LoadBalancerDNSName, ZoneID: color.LoadBalancerZoneID,
		}, HealthCheckID: color.HealthCheckID.ToStringPtrOutput()})
	}
	if len(p.cfg.TrafficOverride) > 0 {
		ctx.Export("trafficOverride", pulumi.ToStringMap(p.cfg.TrafficOverride))
	}
	open := pulumi.All(gates...)
	for i := range shares {
		shares[i].Target.DNSName = pulumi.All(shares[i].Target.DNSName, open).ApplyT(func(all []any) string {
			return all[0].(string)
		}).(pulumi.StringOutput)
	}
	return shares, nil
}

// switchBack is what the traffic controller notes when it takes the traffic from
// a release that was not well: one parameter, until somebody clears it.
type switchBack struct {
	Color  string `json:"color"`
	Digest string `json:"digest"`
	Reason string `json:"reason"`
	Time   string `json:"time"`
}

// switchedBack reads the note, as a list because it need not be there.
func (p *platformStack) switchedBack(ctx *pulumi.Context) pulumi.Output {
	path := p.names.TrafficPath()
	found := ssm.GetParametersByPathOutput(ctx, ssm.GetParametersByPathOutputArgs{Path: pulumi.String(path)}, pulumi.Provider(p.homeProvider))
	return pulumi.Unsecret(found).ApplyT(func(result ssm.GetParametersByPathResult) ([]switchBack, error) {
		var notes []switchBack
		for i, name := range result.Names {
			var note switchBack
			if err := json.Unmarshal([]byte(result.Values[i]), &note); err != nil {
				return nil, fmt.Errorf("reading parameter %q, which only ops writes: %w: delete it if no release was switched back", name, err)
			}
			notes = append(notes, note)
		}
		return notes, nil
	})
}

// interlock fails when the last deployment of a colour did not settle on what it
// asked for, or when what it runs was switched back.
func interlock(name string, c *ColorOutputs, switchedBack pulumi.Output) pulumi.Output {
	return pulumi.All(c.Digest, c.SettledDigest, c.TaskDefinition, c.SettledTaskDefinition, switchedBack).ApplyT(
		func(all []any) (bool, error) {
			return true, errors.Join(
				checkSettled(name, all[0].(string), all[1].(string), all[2].(string), all[3].(string)),
				checkSwitchedBack(name, all[1].(string), all[4].([]switchBack)))
		})
}

func checkSettled(name, digest, settledDigest, task, settledTask string) error {
	if digest == settledDigest && task == settledTask {
		return nil
	}
	return fmt.Errorf("traffic for %q is refused: its last deployment asked for %s (%s), but ECS settled on %s (%s): "+
		"repair it with pulumi up --refresh -s %s, or remove %q from codeflow:traffic",
		name, digest, task, settledDigest, settledTask, name, name)
}

func checkSwitchedBack(name, digest string, notes []switchBack) error {
	i := slices.IndexFunc(notes, func(n switchBack) bool { return n.Color == name && n.Digest == digest })
	if i < 0 {
		return nil
	}
	return fmt.Errorf("traffic for %q is refused: its release %s was switched back at %s: %s: "+
		"deploy another release, clear the note with ops unblock, or say why in codeflow:platform.trafficOverride.%s",
		name, digest, notes[i].Time, notes[i].Reason, name)
}
