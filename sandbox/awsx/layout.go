package awsx

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// The subnet strategies of awsx:ec2:Vpc.
const (
	strategyAuto   = "Auto"
	strategyExact  = "Exact"
	strategyLegacy = "Legacy"
)

// maxMask is the longest prefix that awsx knows a size for.
const maxMask = 30

// subnetSpec is one entry of subnetSpecs, and of the subnetLayout output. The zero value of a field means unset.
type subnetSpec struct {
	Type       string   `pulumi:"type"` // Public, Private, Isolated or Unused.
	Name       string   `pulumi:"name"`
	CIDRBlocks []string `pulumi:"cidrBlocks"` // One per zone, given for every spec or for none.
	CIDRMask   int      `pulumi:"cidrMask"`   // The prefix length.
	Size       int      `pulumi:"size"`       // The number of addresses, in agreement with CIDRMask.
}

// is compares the type of the spec without regard to case, as awsx does.
func (s subnetSpec) is(kind string) bool { return strings.EqualFold(s.Type, kind) }

// tier returns the place of the type in the order in which a zone's subnets are registered, or -1 for a type that
// does not exist.
func (s subnetSpec) tier() int {
	return slices.IndexFunc([]string{"Public", "Private", "Isolated", "Unused"}, s.is)
}

// subnet is one planned subnet in one zone.
type subnet struct {
	name  string // The resource name.
	spec  subnetSpec
	index int // The spec's place in layout.specs.
	zone  int // The zone's place in availabilityZoneNames.
	block block
}

// layout is everything that decides the subnets of a VPC.
type layout struct {
	vpcName  string
	cidr     string
	strategy string
	zones    int
	zoneMask int          // The availabilityZoneCidrMask; 0 divides the VPC evenly.
	specs    []subnetSpec // nil asks for a private and a public subnet per zone.
}

// plan returns the subnets of every zone, and the resolved specs of one zone for the subnetLayout output.
func (l layout) plan() ([]subnet, []subnetSpec, error) {
	if l.zones < 1 {
		return nil, nil, errors.New("the sandbox's awsx needs at least one availability zone")
	}
	vpc, err := parseBlock(l.cidr)
	if err != nil {
		return nil, nil, err
	}
	l.specs = slices.Clone(l.specs)
	if err := l.normalize(); err != nil {
		return nil, nil, err
	}
	var subnets []subnet
	switch {
	case l.strategy == strategyLegacy, l.strategy == strategyExact && l.specs == nil:
		subnets, err = l.legacy(vpc)
	case l.strategy != strategyAuto && l.strategy != strategyExact:
		err = fmt.Errorf("the sandbox's awsx does not know the subnetStrategy %q", l.strategy)
	case l.explicit():
		subnets, err = l.given()
	default:
		subnets, err = l.auto(vpc)
	}
	if err == nil {
		err = l.check(vpc, subnets)
	}
	if err != nil {
		return nil, nil, err
	}
	if l.strategy == strategyLegacy || l.specs == nil {
		return subnets, observed(subnets, l.zones), nil
	}
	return subnets, l.specs, nil
}

// explicit reports whether the specs bring their own CIDR blocks.
func (l layout) explicit() bool {
	return slices.ContainsFunc(l.specs, func(s subnetSpec) bool { return s.CIDRBlocks != nil })
}

// normalize checks that masks, sizes and blocks agree, and derives the mask from the size and the reverse.
func (l layout) normalize() error {
	if l.zoneMask < 0 || l.zoneMask > maxMask {
		return fmt.Errorf("the sandbox's awsx takes an availabilityZoneCidrMask of 1 to %d, got %d", maxMask, l.zoneMask)
	}
	explicit := l.explicit()
	for i := range l.specs {
		s := &l.specs[i]
		switch {
		case s.tier() < 0:
			return fmt.Errorf("the sandbox's awsx does not know the subnet type %q", s.Type)
		case s.CIDRMask < 0 || s.CIDRMask > maxMask:
			return fmt.Errorf("the sandbox's awsx takes a cidrMask of 1 to %d, got %d", maxMask, s.CIDRMask)
		case s.Size != 0 && (s.Size < 4 || s.Size >= 1<<32 || bits.OnesCount(uint(s.Size)) != 1):
			return fmt.Errorf("the sandbox's awsx takes a size that is a power of two from 4 to 2147483648, got %d", s.Size)
		}
		issue := ""
		if explicit {
			issue = s.checkBlocks(i, l.zones)
		} else {
			issue = s.resolve()
		}
		if issue != "" {
			return errors.New("Invalid subnet specifications:\n - " + issue)
		}
	}
	return nil
}

// resolve derives the mask from the size and the reverse, and returns what is wrong with them.
func (s *subnetSpec) resolve() string {
	if s.Size != 0 {
		s.CIDRMask = cmp.Or(s.CIDRMask, 33-bits.Len(uint(s.Size)))
	}
	if s.CIDRMask == 0 {
		return ""
	}
	given, want := s.Size, int(block{bits: s.CIDRMask}.size())
	if s.Size = want; given != 0 && given != want {
		return fmt.Sprintf("Subnet size %d does not match the expected size for a /%d subnet (%d).", given, s.CIDRMask, want)
	}
	return ""
}

// checkBlocks returns what is wrong with the explicit CIDR blocks of spec i.
func (s *subnetSpec) checkBlocks(i, zones int) string {
	if s.CIDRBlocks == nil {
		return "If any subnet spec has explicit cidrBlocks, all subnets must have explicit cidrBlocks."
	}
	if len(s.CIDRBlocks) != zones {
		return fmt.Sprintf("The number of CIDR blocks in subnetSpecs[%d] must match the number of availability zones (%d).",
			i, zones)
	}
	for _, cidr := range s.CIDRBlocks {
		b, err := parseBlock(cidr)
		switch {
		case err != nil:
			return err.Error()
		case s.CIDRMask != 0 && b.bits != s.CIDRMask:
			return fmt.Sprintf("The cidrMask in subnetSpecs[%d] must match all cidrBlocks or be left undefined.", i)
		case s.Size != 0 && b.size() != int64(s.Size):
			return fmt.Sprintf("The size in subnetSpecs[%d] must match all cidrBlocks or be left undefined.", i)
		}
	}
	return ""
}

// place returns spec i as a subnet of a zone.
func (l layout) place(spec subnetSpec, i, zone int, b block) subnet {
	name := cmp.Or(spec.Name, strings.ToLower(spec.Type))
	return subnet{fmt.Sprintf("%s-%s-%d", l.vpcName, name, zone+1), spec, i, zone, b}
}

// given takes the blocks that the specs bring.
func (l layout) given() ([]subnet, error) {
	var subnets []subnet
	for zone := range l.zones {
		for i, spec := range l.specs {
			b, err := parseBlock(spec.CIDRBlocks[zone])
			if err != nil {
				return nil, err
			}
			subnets = append(subnets, l.place(spec, i, zone, b))
		}
	}
	return subnets, nil
}

// auto packs the specs, by default a private and a public one, in their order into equal zones.
func (l layout) auto(vpc block) ([]subnet, error) {
	zoneBits := cmp.Or(l.zoneMask, vpc.bits+newBits(l.zones))
	if l.specs != nil {
		return l.pack(vpc, zoneBits, l.specs)
	}
	if zoneBits > 26 {
		return nil, fmt.Errorf("Automatic subnet creation requires a VPC with at least /26 available per AZ, "+
			"but only /%d is available.If you do need very small subnets, please specify them explicitly.", zoneBits)
	}
	return l.pack(vpc, zoneBits, halves(max(zoneBits, 16)))
}

// halves gives half of a zone to a private subnet and a quarter to a public one.
func halves(zoneBits int) []subnetSpec {
	return []subnetSpec{{Type: "Private", CIDRMask: zoneBits + 1}, {Type: "Public", CIDRMask: zoneBits + 2}}
}

// pack places the specs in their order in every zone, each at the next address that its size allows.
func (l layout) pack(vpc block, zoneBits int, specs []subnetSpec) ([]subnet, error) {
	if len(specs) == 0 {
		return nil, errors.New("No subnets specified")
	}
	even := zoneBits + newBits(len(specs))
	if even > maxMask {
		return nil, l.indivisible(vpc)
	}
	var need int64
	for _, spec := range specs {
		need += block{bits: cmp.Or(spec.CIDRMask, even)}.size()
	}
	zone := block{vpc.first(), zoneBits}
	if need > zone.size() {
		return nil, fmt.Errorf("Subnets are too large for VPC. VPC has %d addresses, but subnets require %d addresses.",
			zone.size(), need)
	}
	var subnets []subnet
	for z := range l.zones {
		b := zone.resize(cmp.Or(specs[0].CIDRMask, even))
		for i, spec := range specs {
			if i > 0 {
				b = b.next(cmp.Or(spec.CIDRMask, even))
			}
			subnets = append(subnets, l.place(spec, i, z, b))
		}
		zone = zone.next(zoneBits)
	}
	return subnets, nil
}

// legacyTypes are the types in the order that the legacy strategy packs them, with their default masks.
var legacyTypes = []subnetSpec{
	{Type: "Private", CIDRMask: 19},
	{Type: "Public", CIDRMask: 20},
	{Type: "Isolated", CIDRMask: 24},
}

// legacy packs each zone by type, the subnets of each type after the last of the type before.
func (l layout) legacy(vpc block) ([]subnet, error) {
	zoneBits := vpc.bits + newBits(l.zones)
	if zoneBits > maxMask-2 || vpc.base != vpc.first() {
		return nil, l.indivisible(vpc)
	}
	if l.specs == nil {
		subnets, err := l.pack(vpc, zoneBits, halves(zoneBits))
		slices.SortStableFunc(subnets, func(a, b subnet) int { return cmp.Compare(a.index, b.index) })
		return subnets, err
	}
	shared := 1 // A lone subnet may take its whole zone.
	if len(l.specs) == 1 {
		shared = 0
	}
	var subnets []subnet
	for zone := range l.zones {
		start := vpc.base + int64(zone)<<(32-zoneBits)
		previous := block{start - 1, 32}
		for _, kind := range legacyTypes {
			nth, end := int64(0), start
			for i, spec := range l.specs {
				if !spec.is(kind.Type) {
					continue
				}
				b := block{bits: cmp.Or(spec.CIDRMask, max(zoneBits+shared, kind.CIDRMask))}
				b.base = start + nth*b.size()
				if b.overlaps(previous) {
					b = previous.next(b.bits)
				}
				spec.Type = kind.Type
				subnets = append(subnets, l.place(spec, i, zone, b))
				previous, end = b, b.base+b.size()
				nth++
			}
			start = end
		}
	}
	return subnets, nil
}

// indivisible reports a VPC that the strategy cannot divide.
func (l layout) indivisible(vpc block) error {
	return fmt.Errorf("the sandbox's awsx cannot divide %s in %d zones with the subnetStrategy %q", vpc, l.zones, l.strategy)
}

// check reports subnets that overlap, that leave gaps in an Exact layout, or that AWS would refuse.
func (l layout) check(vpc block, subnets []subnet) error {
	var overlapping, gaps []string
	for i, s := range subnets {
		for j, other := range subnets {
			if i != j && s.block.overlaps(other.block) {
				overlapping = append(overlapping, fmt.Sprintf("%d. %s: %s\n", len(overlapping)+1, s.name, s.block))
				break
			}
		}
	}
	if overlapping != nil {
		return errors.New("The following subnets overlap with at least one other subnet. Make the CIDR for the VPC larger, " +
			"reduce the size of the subnets per AZ, or use less Availability Zones:\n\n" + strings.Join(overlapping, ""))
	}
	if l.strategy == strategyExact {
		gaps = findGaps(vpc, subnets)
	}
	if gaps != nil {
		return errors.New("There are gaps in the subnet ranges. Please fix the following gaps: " + strings.Join(gaps, ", "))
	}
	for _, s := range subnets {
		if s.block.base != s.block.first() || !vpc.contains(s.block) {
			return fmt.Errorf("the sandbox's awsx refuses subnet %q: AWS takes no %s in a VPC of %s", s.name, s.block, vpc)
		}
	}
	return nil
}

// findGaps describes the places where the subnets, in their order, do not fill the VPC.
func findGaps(vpc block, subnets []subnet) (gaps []string) {
	for i, s := range subnets {
		switch {
		case i == 0 && s.block.first() != vpc.first():
			gaps = append(gaps, fmt.Sprintf("%s (%s) does not start at the beginning of the VPC (%s)", s.name, s.block, vpc))
		case i > 0 && s.block.first() != subnets[i-1].block.last()+1:
			before := subnets[i-1]
			gaps = append(gaps, fmt.Sprintf("%s (%s) <=> %s (%s)", before.name, before.block, s.name, s.block))
		}
	}
	if len(subnets) == 0 {
		return append(gaps, "no subnets")
	}
	if end := subnets[len(subnets)-1]; end.block.last() != vpc.last() {
		gaps = append(gaps, fmt.Sprintf("%s (ending %s) ends before VPC ends (at %s})", // The brace is awsx's own.
			end.name, address(end.block.last()), address(vpc.last())))
	}
	return gaps
}

// observed describes the first zone's share of the subnets as specs, with what lies between them as Unused. For the
// legacy default, which lists all private subnets first, awsx really describes the wrong subnets, and so does this.
func observed(subnets []subnet, zones int) []subnetSpec {
	var specs []subnetSpec
	for i, s := range subnets[:len(subnets)/zones] {
		if i > 0 {
			for _, gap := range between(subnets[i-1].block, s.block) {
				specs = append(specs, subnetSpec{Type: "Unused", CIDRMask: gap.bits})
			}
		}
		specs = append(specs, subnetSpec{Type: s.spec.Type, CIDRMask: s.block.bits})
	}
	return specs
}

// between returns the widest aligned blocks that fill the space between a and b.
func between(a, b block) (gaps []block) {
	start, end := a, b
	if end.first() < start.first() {
		start, end = end, start
	}
	previous := a
	for gap := start.next(start.bits); gap.base < end.first(); gap = gap.next(gap.bits) {
		for wider := gap; !wider.overlaps(end) && !wider.contains(block{previous.last(), 32}); wider = gap.resize(gap.bits - 1) {
			gap = wider
		}
		gaps, previous = append(gaps, gap), gap
	}
	return gaps
}
