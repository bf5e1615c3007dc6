package vpc

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/logretention"
)

// NAT says how private subnets reach the internet.
type NAT string

// The NAT strategies: no gateway, one for all zones, or one in each zone.
const (
	NATNone     NAT = "None"
	NATSingle   NAT = "Single"
	NATOnePerAz NAT = "OnePerAz"
)

// Gateways is how many there are in a VPC of so many zones.
func (n NAT) Gateways(zones int) int {
	switch n {
	case NATOnePerAz:
		return zones
	case NATSingle:
		return 1
	}
	return 0
}

// Args configures a [VPC].
type Args struct {
	// CIDR is the IPv4 network of the VPC, /16 to /28. Required; a change
	// replaces the VPC and everything in it.
	CIDR string
	// Zones is the number of availability zones, 2 to 6. Default 3. Up to four, one
	// more adds subnets; from four to five all subnets move, which AWS refuses while
	// the old ones have the addresses.
	Zones int
	// PublicMask, PrivateMask and DatabaseMask are the network masks of one
	// subnet of each tier, 16 to 28 (27 for public). Default 22, 20 and 24. A
	// change replaces the tier's subnets and those laid out after them.
	PublicMask, PrivateMask, DatabaseMask int
	// NAT is how private subnets reach the internet. Default [NATOnePerAz].
	// Updates in place: gateways and routes come and go.
	NAT NAT
	// Region that the VPC is in, for the names of the endpoint services.
	// Required; a change replaces the endpoints.
	Region pulumi.StringInput
	// Endpoints are the services with an interface endpoint, of ecr.api,
	// ecr.dkr, kms, logs, secretsmanager, ssm (the default), ecs, ecs-agent,
	// ecs-telemetry, ssmmessages and xray; empty but not nil for none. Without NAT
	// those that tasks need are added. Updates in place: endpoints come and go.
	Endpoints []string
	// LogGroupName is the log group of the flow logs. Default "/vpc/" and the
	// component's name. A change replaces it and the flow logs.
	LogGroupName string
	// LogRetentionDays is how long flow logs are kept, in days, a value that
	// CloudWatch has. Default 30. Updates in place.
	LogRetentionDays int
	// LogKeyARN encrypts the log group. Default: CloudWatch's own key. Updates in
	// place.
	LogKeyARN pulumi.StringPtrInput
}

// defaultEndpoints are the services that the platform's tasks call.
func defaultEndpoints() []string {
	return []string{"ecr.api", "ecr.dkr", "kms", "logs", "secretsmanager", "ssm"}
}

// taskEndpoints are those without which a Fargate task does not start when there
// is no NAT, the package's documentation says why, and the one for its traces.
func taskEndpoints() []string {
	return []string{"ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "xray"}
}

// otherEndpoints are those that only some platforms need: new regions, ECS Exec.
func otherEndpoints() []string {
	return []string{"ecs", "ecs-agent", "ecs-telemetry", "ssmmessages", "xray"}
}

func (a *Args) setDefaults(name string) {
	a.Zones = cmp.Or(a.Zones, 3)
	a.PublicMask = cmp.Or(a.PublicMask, 22)
	a.PrivateMask = cmp.Or(a.PrivateMask, 20)
	a.DatabaseMask = cmp.Or(a.DatabaseMask, 24)
	a.NAT = cmp.Or(a.NAT, NATOnePerAz)
	a.LogGroupName = cmp.Or(a.LogGroupName, "/vpc/"+name)
	a.LogRetentionDays = cmp.Or(a.LogRetentionDays, 30)
	if a.Endpoints == nil {
		a.Endpoints = defaultEndpoints()
	}
}

func (a *Args) validate(name string) error {
	a.setDefaults(name)
	errs := CheckLayout(a.CIDR, a.Zones, a.PublicMask, a.PrivateMask, a.DatabaseMask)
	if strategies := []NAT{NATNone, NATSingle, NATOnePerAz}; !slices.Contains(strategies, a.NAT) {
		errs = append(errs, fmt.Errorf("NAT must be one of %v, got %q", strategies, a.NAT))
	}
	if a.Region == nil {
		errs = append(errs, errors.New("Region is required: give the region of the provider"))
	}
	if err := CheckEndpoints(a.Endpoints); err != nil {
		errs = append(errs, err)
	}
	if err := logretention.Check(a.LogRetentionDays); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// CheckEndpoints returns an error for each service that has no interface endpoint here.
func CheckEndpoints(services []string) error {
	known := append(defaultEndpoints(), otherEndpoints()...)
	var errs []error
	for _, service := range services {
		if !slices.Contains(known, service) {
			errs = append(errs, fmt.Errorf("Endpoints must be of %v, got %q", known, service))
		}
	}
	return errors.Join(errs...)
}

// endpoints lists the interface endpoints to make, each once, in a stable order.
func (a *Args) endpoints() []string {
	list := slices.Clone(a.Endpoints)
	if a.NAT == NATNone {
		list = append(list, taskEndpoints()...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}
