package vpc

import (
	"fmt"
	"math/bits"
	"net/netip"
)

const (
	// minMask and maxMask bound a VPC's and a subnet's IPv4 network.
	// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
	minMask, maxMask = 16, 28
	// maxPublicMask is the smallest subnet that a load balancer accepts.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
	maxPublicMask = 27
	// minZones is what a load balancer and a database subnet group need, maxZones
	// what the largest region has.
	// https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html
	minZones, maxZones = 2, 6
)

// CheckLayout returns an error for each reason why the three tiers, given by
// the masks of their subnets, cannot be laid out in that many zones of the VPC.
// It knows what AWS allows and how awsx's Auto strategy places subnets: awsx
// itself checks only the sum of the sizes, and lets subnets overlap when the
// gaps between them do not fit.
func CheckLayout(cidr string, zones int, public, private, database int) []error {
	var errs []error
	network, err := netip.ParsePrefix(cidr)
	switch {
	case err != nil || !network.Addr().Is4():
		errs = append(errs, fmt.Errorf("the VPC's CIDR must be an IPv4 network, got %q: give one such as %q", cidr, "10.0.0.0/16"))
	case network.Bits() < minMask || network.Bits() > maxMask:
		errs = append(errs, fmt.Errorf("the VPC's CIDR must be /%d to /%d, got %q: change its mask", minMask, maxMask, cidr))
	case network != network.Masked():
		errs = append(errs, fmt.Errorf("the VPC's CIDR must start at its network's first address, got %q: use %q", cidr, network.Masked()))
	}
	if zones < minZones || zones > maxZones {
		errs = append(errs, fmt.Errorf("the number of zones must be %d to %d, got %d", minZones, maxZones, zones))
	}
	checkMask := func(tier string, mask, smallest int) {
		if mask < minMask || mask > smallest {
			errs = append(errs, fmt.Errorf("the mask of the %s subnets must be %d to %d, got %d", tier, minMask, smallest, mask))
		}
	}
	checkMask("public", public, maxPublicMask)
	checkMask("private", private, maxMask)
	checkMask("database", database, maxMask)
	if len(errs) > 0 {
		return errs
	}

	zoneBits := partBits(zones)
	_, used := place(public, private, database)
	if have := 1 << (32 - network.Bits() - zoneBits); used > have {
		errs = append(errs, fmt.Errorf(
			"subnets of /%d, /%d and /%d, each aligned to its size, take %d addresses of a zone, but %q in %d zones has %d for each: %s",
			public, private, database, used, cidr, zones, have, remedy(used, zoneBits)))
	}
	return errs
}

// partBits is how many bits number the parts of a VPC, one for each zone: awsx rounds
// zones up to a power of two. A VPC of two zones has four parts, as one of three or
// four, so that the third can be added: a subnet that moves is made before the old one
// goes, and AWS refuses addresses that are taken.
func partBits(zones int) int { return max(2, bits.Len(uint(zones-1))) }

// SameParts reports whether subnets stay where they are when the number of zones
// changes.
func SameParts(from, to int) bool { return partBits(from) == partBits(to) }

// remedy names the smallest VPC that holds the zones, when AWS allows it.
func remedy(used, zoneBits int) string {
	const smaller = "make the subnets smaller (a higher mask)"
	mask := 32 - zoneBits - bits.Len(uint(used-1))
	if mask < minMask {
		return smaller
	}
	return fmt.Sprintf("use a VPC of /%d, or %s", mask, smaller)
}

// place lays subnets with the masks out in one zone, in their order and each
// aligned to its own size, and returns the offsets of their first addresses in
// the zone and the addresses used including the gaps.
func place(masks ...int) (starts []int, used int) {
	for _, mask := range masks {
		size := 1 << (32 - mask)
		start := (used + size - 1) / size * size
		starts, used = append(starts, start), start+size
	}
	return starts, used
}
