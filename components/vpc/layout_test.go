// These tests compare with a port of awsx 2.22's distributor and with recorded
// layouts; they do not prove that AWS accepts the networks.
package vpc

import (
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// layout is where the subnets of every zone come to lie.
func layout(cidr string, zones int, masks ...int) []netip.Prefix {
	network := netip.MustParsePrefix(cidr)
	size := 1 << (32 - network.Bits() - partBits(zones))
	starts, _ := place(masks...)
	var subnets []netip.Prefix
	for zone := range zones {
		for i, start := range starts {
			subnets = append(subnets, netip.PrefixFrom(offset(network.Addr(), zone*size+start), masks[i]))
		}
	}
	return subnets
}

// distribute lays subnets out as awsx does, by "the next network of that mask behind
// the last one", without any check.
func distribute(cidr string, zones int, masks ...int) []netip.Prefix {
	network := netip.MustParsePrefix(cidr)
	zone := netip.PrefixFrom(network.Addr(), network.Bits()+max(2, bits.Len(uint(zones-1))))
	var subnets []netip.Prefix
	for range zones {
		last := netip.Prefix{}
		for _, mask := range masks {
			if !last.IsValid() {
				last = netip.PrefixFrom(zone.Addr(), mask).Masked()
			} else {
				last = next(netip.PrefixFrom(offset(next(last).Addr(), -1), mask).Masked())
			}
			subnets = append(subnets, last)
		}
		zone = next(zone)
	}
	return subnets
}

func next(p netip.Prefix) netip.Prefix {
	return netip.PrefixFrom(offset(p.Addr(), 1<<(32-p.Bits())), p.Bits())
}

func offset(a netip.Addr, by int) netip.Addr {
	b := a.As4()
	n := (int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3])) + by
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

func TestLayoutAsRecorded(t *testing.T) {
	t.Parallel()
	for want, got := range map[string][]netip.Prefix{
		"[10.0.0.0/22 10.0.16.0/20 10.0.32.0/24 10.0.64.0/22 10.0.80.0/20 10.0.96.0/24 10.0.128.0/22 10.0.144.0/20 10.0.160.0/24]": layout("10.0.0.0/16", 3, 22, 20, 24),
		"[10.0.0.0/20 10.0.16.0/20 10.0.32.0/20 10.0.64.0/20 10.0.80.0/20 10.0.96.0/20]":                                           layout("10.0.0.0/16", 2, 20, 20, 20),
		"[10.0.0.0/24 10.0.16.0/20 10.0.32.0/20 10.0.64.0/24 10.0.80.0/20 10.0.96.0/20 10.0.128.0/24 10.0.144.0/20 10.0.160.0/20]": layout("10.0.0.0/16", 3, 24, 20, 20),
	} {
		assert.Equal(t, want, fmt.Sprint(got))
	}
}

// TestLayoutExhaustively tries every combination of masks and zones: the check
// passes exactly when awsx's subnets lie in the VPC and do not overlap, they lie
// where place says, and a VPC of the size that an error asks for passes.
func TestLayoutExhaustively(t *testing.T) {
	t.Parallel()
	for network := minMask; network <= maxMask; network++ {
		for zones := minZones; zones <= maxZones; zones++ {
			t.Run(fmt.Sprintf("%d zones of %d", zones, network), func(t *testing.T) {
				t.Parallel()
				everyMask(func(masks ...int) { checkOne(t, fmt.Sprintf("10.0.0.0/%d", network), zones, masks) })
			})
		}
	}
}

func checkOne(t *testing.T, cidr string, zones int, masks []int) {
	t.Helper()
	subnets := distribute(cidr, zones, masks...)
	errs := CheckLayout(cidr, zones, masks[0], masks[1], masks[2])
	if good := disjoint(netip.MustParsePrefix(cidr), subnets); good != (len(errs) == 0) {
		t.Fatalf("%s, %d zones, %v: subnets are good: %t, errors %v", cidr, zones, masks, good, errs)
	}
	if len(errs) == 0 && !slices.Equal(subnets, layout(cidr, zones, masks...)) {
		t.Fatalf("%s, %d zones, %v: got %v, awsx has %v", cidr, zones, masks, layout(cidr, zones, masks...), subnets)
	}
	for _, err := range errs {
		_, fix, ok := strings.Cut(err.Error(), "use a VPC of ")
		if !ok {
			continue
		}
		mask, _, _ := strings.Cut(fix, ",")
		if more := CheckLayout("10.0.0.0"+mask, zones, masks[0], masks[1], masks[2]); more != nil {
			t.Fatalf("the fix of %q does not fix it: %v", err, more)
		}
	}
}

func everyMask(try func(masks ...int)) {
	for public := minMask; public <= maxPublicMask; public++ {
		for private := minMask; private <= maxMask; private++ {
			for database := minMask; database <= maxMask; database++ {
				try(public, private, database)
			}
		}
	}
}

func disjoint(network netip.Prefix, subnets []netip.Prefix) bool {
	for i, s := range subnets {
		if s.Bits() < network.Bits() || !network.Contains(s.Addr()) {
			return false
		}
		if slices.ContainsFunc(subnets[:i], s.Overlaps) {
			return false
		}
	}
	return true
}

func TestCheckLayoutErrors(t *testing.T) {
	t.Parallel()
	for want, got := range map[string][]error{
		`must be an IPv4 network, got "ten"`:                                       CheckLayout("ten", 3, 22, 20, 24),
		`must be an IPv4 network, got "fd00::/56": give one such as "10.0.0.0/16"`: CheckLayout("fd00::/56", 3, 22, 20, 24),
		`must be /16 to /28, got "10.0.0.0/8": change its mask`:                    CheckLayout("10.0.0.0/8", 3, 22, 20, 24),
		`got "10.0.5.0/16": use "10.0.0.0/16"`:                                     CheckLayout("10.0.5.0/16", 3, 22, 20, 24),
		`the number of zones must be 2 to 6, got 1`:                                CheckLayout("10.0.0.0/16", 1, 22, 20, 24),
		`mask of the public subnets must be 16 to 27, got 28`:                      CheckLayout("10.0.0.0/16", 3, 28, 20, 24),
		`mask of the private subnets must be 16 to 28, got 0`:                      CheckLayout("10.0.0.0/16", 3, 22, 0, 24),
		`mask of the database subnets must be 16 to 28, got 29`:                    CheckLayout("10.0.0.0/16", 3, 22, 20, 29),
		// What awsx lets pass: the sizes add up to the zone's, the gap does not fit.
		`take 20480 addresses of a zone, but "10.0.0.0/16" in 3 zones has 16384 for each: make the subnets smaller`: CheckLayout("10.0.0.0/16", 3, 20, 19, 20),
		`take 8448 addresses of a zone, but "10.0.0.0/20" in 2 zones has 1024 for each: use a VPC of /16, or make`:  CheckLayout("10.0.0.0/20", 2, 22, 20, 24),
	} {
		if assert.Len(t, got, 1, want) {
			assert.ErrorContains(t, got[0], want)
		}
	}
	assert.Len(t, CheckLayout("", 0, 0, 0, 0), 5, "every problem at once")
}

// TestAZoneMore keeps the subnets that there are, up to four zones and from five on.
func TestAZoneMore(t *testing.T) {
	t.Parallel()
	for zones := minZones; zones < maxZones; zones++ {
		before, after := layout("10.0.0.0/16", zones, 22, 21, 24), layout("10.0.0.0/16", zones+1, 22, 21, 24)
		assert.Equal(t, SameParts(zones, zones+1), slices.Equal(before, after[:len(before)]), zones)
		assert.Equal(t, zones != 4, SameParts(zones, zones+1), zones)
	}
}

func FuzzCheckLayout(f *testing.F) {
	f.Add("10.0.0.0/16", 3, 22, 20, 24)
	f.Add("::/0", -1, 33, -1, 0)
	f.Fuzz(func(t *testing.T, cidr string, zones, public, private, database int) {
		if len(CheckLayout(cidr, zones, public, private, database)) == 0 {
			assert.True(t, disjoint(netip.MustParsePrefix(cidr), distribute(cidr, zones, public, private, database)))
		}
	})
}
