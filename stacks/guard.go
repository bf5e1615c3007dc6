package stacks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/vpc"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/protect"
)

// guard is a config key that a running stack does not change, unless codeflow:allow
// names it, since it would cause an outage or lose data.
type guard struct {
	key  string // below the kind's, for example "network.cidr"
	harm string // what a change does
	way  string // how to get there all the same
	// harmful is whether a change from one value to another does harm. nil: any does.
	harmful func(from, to any) bool
}

const (
	anew      = "makes every resource with a name anew, empty, and deletes the old ones, the database too"
	secondOne = "bring up a second platform with another environment, restore a snapshot into it and move the domain (docs/disaster-recovery.md)"
	subnets   = "replaces subnets, which AWS refuses in the middle of the update: their addresses are taken until the old ones are gone"
	logsGo    = "deletes what is older at once"
	exportLog = "export what you need to S3 first"
	otherName = "bring up another colour with the new value, and switch"
)

var networkGuards = []guard{
	{"network.cidr", "replaces the VPC with all that is in it, the database too", secondOne, nil},
	{"network.zones", "takes subnets away that are in use, or moves all of them (from 4 to 5), which AWS refuses in the middle of the update", secondOne, moved},
	{"network.masks.public", subnets, secondOne, nil},
	{"network.masks.private", subnets, secondOne, nil},
	{"network.masks.database", subnets, secondOne, nil},
	{"network.nat", "takes gateways away, and breaks the connections through them", "do it when no colour has traffic", fewerGateways},
}

// guards are the guarded keys of a kind of stack. docs/config.md has the same table.
var guards = map[string][]guard{
	"platform": slices.Concat(networkGuards, []guard{
		{"project", anew, secondOne, nil},
		{"environment", anew, secondOne, nil},
		{"region", anew, "bring up dr in that region and fail over to it (docs/disaster-recovery.md)", nil},
		{"domain.name", "takes the records of the old name away, and its clients", "bring up a second platform with the new name, and move clients to it", replaced},
		{"domain.zone", "takes the zone from the program or makes a second one, with other name servers", "make the zone by hand, delegate to it, and pulumi import it", replaced},
		{"domain.zoneName", "moves all records to another zone", "make the records in both zones first", replaced},
		{"database.multiAz", "takes the standby away: the loss of its zone, or maintenance, is an outage then", "allow it, if that is meant", off},
		{"database.retentionDays", "deletes automated backups that are older at once", "take a snapshot of each point that is still needed", less},
		{"recovery.region", "deletes what is copied to the second region: backups, images and assets", "bring up a second platform with the new region", replaced},
		{"images.keep", "deletes older images, which a rollback needs", "allow it, if no release among them is needed", less},
		{"logs.retentionDays", logsGo, exportLog, less},
		{"logs.audit.retentionDays", logsGo, exportLog, less},
	}),
	"color": {
		{"project", anew, otherName, nil},
		{"name", anew, otherName, nil},
		{"platform", "moves the service to another network and database", otherName, nil},
		{"region", anew, "it is the platform's", nil},
		{"service.port", "closes the port of the tasks that run before new ones answer at the other one", otherName, nil},
		{"domain", "replaces the listeners and stops sign-in at the old name", "it is the platform's", nil},
		{"logs.retentionDays", logsGo, exportLog, less},
	},
	"dr": slices.Concat(networkGuards, []guard{
		{"project", anew, "destroy dr and bring it up anew while prod is well", nil},
		{"environment", anew, "destroy dr and bring it up anew while prod is well", nil},
		{"region", anew, "destroy dr and bring it up anew while prod is well", nil},
		{"domain", "takes the failover record of the old name away", "it is the platform's", nil},
		{"active", "deletes the database, with what was written since the failover", "take the traffic back first (docs/disaster-recovery.md)", off},
		{"database.retentionDays", "deletes automated backups that are older at once", "take a snapshot of each point that is still needed", less},
	}),
	"bootstrap": {
		{"project", anew, "bring up a second bootstrap stack, and move the stacks' state to it", nil},
		{"region", anew, "bring up a second bootstrap stack, and move the stacks' state to it", nil},
		{"recovery.region", "leaves the copy of the state behind, and starts an empty one", "copy the state to the new region first", replaced},
	},
}

func less(from, to any) bool {
	a, known := from.(float64)
	b, also := to.(float64)
	return known && also && b < a
}

// moved is whether fewer or other subnets are left of those that there are.
func moved(from, to any) bool {
	a, known := from.(float64)
	b, also := to.(float64)
	return known && also && (b < a || !vpc.SameParts(int(a), int(b)))
}

func off(from, to any) bool { return from == true && to == false }

// replaced is any change but to a first value.
func replaced(from, _ any) bool { return from != "" && from != nil }

func fewerGateways(from, to any) bool {
	order := []string{"None", "Single", "OnePerAz"}
	a, _ := from.(string)
	b, _ := to.(string)
	return slices.Index(order, b) < slices.Index(order, a)
}

// guarded are the values of a config at its guarded keys, as JSON.
func (cfg *Config) guarded() (map[string]string, error) {
	data, err := json.Marshal(map[string]any{
		"platform": cfg.Platform, "color": cfg.Color, "dr": cfg.DR, "bootstrap": cfg.Bootstrap,
	}[cfg.Kind])
	if err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	var all any
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	values := map[string]string{}
	for _, g := range append(guards[cfg.Kind], guard{key: "deletionProtection"}) {
		value := all
		for part := range strings.SplitSeq(g.key, ".") {
			object, _ := value.(map[string]any) // an absent object has no keys.
			value = object[part]
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("reading config %q: %w", g.key, err)
		}
		values[g.key] = string(text)
	}
	return values, nil
}

// lastConfig is what a stack's last update exported of its config, and the URL that a
// platform has when it is whole.
type lastConfig struct {
	Guarded map[string]string `pulumi:"guarded"`
	CDNURL  string            `pulumi:"cdnUrl"`
}

// checkChanges refuses harmful changes of a running stack's config, and exports what
// the next update compares with.
func checkChanges(ctx *pulumi.Context, cfg *Config) error {
	now, err := cfg.guarded()
	if err != nil {
		return err
	}
	var result struct {
		Outputs lastConfig `pulumi:"outputs"`
	}
	if name, err := readOutputs(ctx, ctx.Stack(), &result); err != nil {
		return fmt.Errorf("reading the last outputs of stack %q: %w", name, err)
	}
	c := checker{path: namespace + ":" + cfg.Kind, problems: new([]error)}
	cfg.checkGuards(c, result.Outputs.Guarded, now)
	if d := cfg.domain(); d != nil && result.Outputs.CDNURL != "" {
		c.at("domain.delegated").require(d.Zone != "create" || d.Delegated,
			"must be true on a platform that is up: without it the update deletes all but the zone, the database too", d.Delegated,
			"delegate to the name servers in the output nameServers, then set it")
	}
	if err := c.err(); err != nil {
		return err
	}
	last := result.Outputs.Guarded["deletionProtection"]
	if err := checkUnprotected(ctx, cfg, last == "true" && now["deletionProtection"] == "false"); err != nil {
		return err
	}
	ctx.Export("guarded", pulumi.ToStringMap(now))
	return nil
}

func (cfg *Config) checkGuards(c checker, last, now map[string]string) {
	for i, key := range cfg.Allow {
		known := slices.ContainsFunc(guards[cfg.Kind], func(g guard) bool { return cfg.Kind+"."+g.key == key })
		checker{namespace + ":allow." + strconv.Itoa(i), c.problems}.require(known, "must be a guarded key of this kind of stack", key, "docs/config.md lists them")
	}
	for _, g := range guards[cfg.Kind] {
		was, known := last[g.key]
		if !known || was == now[g.key] || slices.Contains(cfg.Allow, cfg.Kind+"."+g.key) {
			continue
		}
		var from, to any
		if json.Unmarshal([]byte(was), &from) != nil || json.Unmarshal([]byte(now[g.key]), &to) != nil {
			continue // the program wrote both.
		}
		if g.harmful == nil || g.harmful(from, to) {
			c.at(g.key).fail(fmt.Sprintf("is %s on the stack that is up: a change %s", was, g.harm), to,
				fmt.Sprintf("%s; or name it in codeflow:allow for this update: [%s.%s]", g.way, cfg.Kind, g.key))
		}
	}
}

// checkUnprotected refuses to take the protection from what still serves.
func checkUnprotected(ctx *pulumi.Context, cfg *Config, unprotected bool) error {
	if !unprotected {
		return nil
	}
	const rule = "must be true while %s"
	switch cfg.Kind {
	case "platform":
		for _, name := range cfg.Platform.Colors {
			var color struct {
				Outputs struct {
					DNSName string `pulumi:"loadBalancerDnsName"`
				} `pulumi:"outputs"`
			}
			// A colour that was never up has no stack to read.
			if _, err := readOutputs(ctx, name, &color); err == nil && color.Outputs.DNSName != "" {
				return Problem{
					Path: namespace + ":platform.deletionProtection", Rule: fmt.Sprintf(rule, "stack "+strconv.Quote(name)+" is up"), Got: "false",
					Fix: "destroy the colours first: docs/config.md has the order",
				}
			}
		}
	case "color":
		var platform struct {
			Outputs struct {
				Traffic map[string]string `pulumi:"traffic"`
			} `pulumi:"outputs"`
		}
		if name, err := readOutputs(ctx, cfg.Color.Platform, &platform); err != nil {
			return fmt.Errorf("reading the outputs of stack %q: %w", name, err)
		}
		if weight, ok := platform.Outputs.Traffic[cfg.Color.Name]; ok {
			return Problem{
				Path: namespace + ":color.deletionProtection", Rule: fmt.Sprintf(rule, strconv.Quote(cfg.Color.Name)+" has a record, of weight "+weight), Got: "false",
				Fix: fmt.Sprintf("remove %q from codeflow:traffic and run pulumi up -s %s first", cfg.Color.Name, cfg.Color.Platform),
			}
		}
	}
	return nil
}

func (cfg *Config) domain() *Domain {
	if cfg.Platform == nil {
		return nil
	}
	return cfg.Platform.Domain
}

// deletionProtection is the config's.
func (cfg *Config) deletionProtection() bool {
	switch cfg.Kind {
	case "platform":
		return cfg.Platform.DeletionProtection
	case "color":
		return cfg.Color.DeletionProtection
	case "dr":
		return cfg.DR.DeletionProtection
	}
	return cfg.Bootstrap.DeletionProtection
}

// protectKept has Pulumi refuse, in the preview, to delete or replace what serves or
// cannot be made again. AWS's own protection is met late: by then the engine has
// deleted what depends on it. A resource's own option wins.
func protectKept(ctx *pulumi.Context, cfg *Config) error {
	if !cfg.deletionProtection() || len(cfg.Allow) > 0 {
		return nil
	}
	return ctx.RegisterStackTransformation(func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
		found := protect.Find(args.Type)
		kept := found != nil && found.Kept
		// Roles and what they may do: an administrator alone can make them anew.
		access := cfg.Kind == "bootstrap" && strings.HasPrefix(args.Type, "aws:iam/") && !strings.HasSuffix(args.Type, "Attachment")
		if !kept && !access {
			return nil
		}
		return &pulumi.ResourceTransformationResult{
			Props: args.Props, Opts: append([]pulumi.ResourceOption{pulumi.Protect(true)}, args.Opts...),
		}
	})
}
