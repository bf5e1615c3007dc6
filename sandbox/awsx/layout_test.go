package awsx

// These tests compare layouts with the real distributor's and check what every layout must hold. They do not prove
// that AWS accepts a layout: it has limits of its own, such as blocks no smaller than /28.

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// masked returns a public, a private and an isolated spec with the given masks.
func masked(public, private, isolated int) []subnetSpec {
	return []subnetSpec{
		{Type: "Public", CIDRMask: public},
		{Type: "Private", CIDRMask: private},
		{Type: "Isolated", CIDRMask: isolated},
	}
}

// layouts are the inputs of the cases of cidrs.json, by name.
var layouts = map[string]layout{
	"Auto default(no specs) 3az":        {},
	"Legacy default(no specs) 3az":      {strategy: strategyLegacy},
	"Auto P/Pr/I 3az":                   {specs: masked(0, 0, 0)},
	"Legacy P/Pr/I 3az":                 {strategy: strategyLegacy, specs: masked(0, 0, 0)},
	"Auto masks 22/20/24 3az":           {specs: masked(22, 20, 24)},
	"Legacy masks 22/20/24 3az":         {strategy: strategyLegacy, specs: masked(22, 20, 24)},
	"Auto P/Pr/I 2az":                   {zones: 2, specs: masked(0, 0, 0)},
	"Auto P/Pr/I 4az":                   {zones: 4, specs: masked(0, 0, 0)},
	"Auto P/Pr/I 1az":                   {zones: 1, specs: masked(0, 0, 0)},
	"Auto P/Pr 3az":                     {specs: masked(0, 0, 0)[:2]},
	"Auto P/Pr/I 3az azmask 20":         {zoneMask: 20, specs: masked(0, 0, 0)},
	"Auto masks 22/20/24 3az azmask 20": {zoneMask: 20, specs: masked(22, 20, 24)},
	"Auto 10.20.0.0/16 3az":             {cidr: "10.20.0.0/16", specs: masked(0, 0, 0)},
	"Auto default /24 3az":              {cidr: "10.0.0.0/24"},
	"Auto default /25 3az":              {cidr: "10.0.0.0/25"},
	"Auto /8 default 3az":               {cidr: "10.0.0.0/8"},
	"Auto too large":                    {cidr: "10.0.0.0/20", specs: masked(22, 20, 24)},
	"Auto one explicit mask mixed":      {specs: masked(24, 0, 0)},
	"Auto base not aligned 10.0.5.0/16": {cidr: "10.0.5.0/16", zones: 2, specs: masked(0, 0, 0)},
	"Auto dup type same name": {zones: 2, specs: []subnetSpec{
		{Type: "Private"}, {Type: "Private"}, {Type: "Public"},
	}},
	"Auto masks order Pr20,Pu22,I24 3az": {specs: []subnetSpec{
		{Type: "Private", CIDRMask: 20}, {Type: "Public", CIDRMask: 22}, {Type: "Isolated", CIDRMask: 24},
	}},
	"Auto names": {zones: 2, specs: []subnetSpec{
		{Type: "Public", Name: "dmz", CIDRMask: 24},
		{Type: "Private", Name: "app", Size: 4096},
		{Type: "Isolated", Name: "db", CIDRMask: 24},
		{Type: "Unused", CIDRMask: 22},
		{Type: "Isolated", CIDRMask: 24},
	}},
}

func TestLayoutsOfTheRealDistributor(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/cidrs.json")
	require.NoError(t, err)
	var cases map[string]any
	require.NoError(t, json.Unmarshal(data, &cases))
	require.Len(t, layouts, len(cases))
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, known := layouts[name]
			require.True(t, known, "no input for this case")
			l.vpcName = "vpc"
			l.strategy = cmp.Or(l.strategy, strategyAuto)
			l.cidr = cmp.Or(l.cidr, "10.0.0.0/16")
			l.zones = cmp.Or(l.zones, 3)
			subnets, _, err := l.plan()
			if message, isError := want.(string); isError {
				require.EqualError(t, err, message[len("ERROR: "):])
				return
			}
			require.NoError(t, err)
			got := []any{}
			for _, s := range subnets {
				got = append(got, fmt.Sprintf("%s@us-east-1%c %s", s.name, 'a'+s.zone, s.block))
			}
			assert.Equal(t, want, got)
			checkInvariants(t, l)
		})
	}
}

// checkInvariants plans twice and checks what must hold for every layout that plan accepts.
func checkInvariants(t *testing.T, l layout) {
	t.Helper()
	given := slices.Clone(l.specs)
	subnets, resolved, err := l.plan()
	again, resolvedAgain, errAgain := l.plan()
	require.Equal(t, err, errAgain)
	require.Equal(t, subnets, again)
	require.Equal(t, resolved, resolvedAgain)
	require.Equal(t, given, l.specs, "plan changed its input")
	if err != nil {
		return
	}
	vpc := netip.MustParsePrefix(l.cidr).Masked()
	for i, s := range subnets {
		prefix := netip.MustParsePrefix(s.block.String())
		require.Equal(t, prefix.Masked(), prefix, "%s is not aligned", s.name)
		require.True(t, vpc.Bits() <= prefix.Bits() && vpc.Contains(prefix.Addr()), "%s is outside %s", prefix, vpc)
		for _, other := range subnets[:i] {
			require.False(t, prefix.Overlaps(netip.MustParsePrefix(other.block.String())), "%s and %s", s.name, other.name)
		}
	}
	perZone := max(len(subnets)/l.zones, 1)
	require.Equal(t, 0, len(subnets)%perZone, "zones differ")
}

func FuzzPlan(f *testing.F) {
	f.Add(uint32(10<<24), uint8(16), uint8(3), uint8(0), uint8(0), []byte{22, 20 | 64, 24 | 128})
	f.Add(uint32(10<<24|5<<8), uint8(16), uint8(2), uint8(1), uint8(0), []byte{64, 0, 128, 192})
	f.Add(uint32(0), uint8(24), uint8(1), uint8(2), uint8(26), []byte(nil))
	f.Fuzz(func(t *testing.T, address uint32, bits, zones, strategy, zoneMask uint8, specs []byte) {
		if bits > 32 || len(specs) > 8 {
			t.Skip("not an IPv4 block, or too many specs to be quick")
		}
		base := block{int64(address), int(bits)}
		l := layout{
			vpcName:  "vpc",
			cidr:     base.String(),
			strategy: []string{strategyAuto, strategyLegacy, strategyExact}[strategy%3],
			zones:    int(zones%8) + 1,
			zoneMask: int(zoneMask % 33),
		}
		for _, b := range specs {
			l.specs = append(l.specs, subnetSpec{
				Type: []string{"Public", "Private", "Isolated", "Unused"}[b>>6], CIDRMask: int(b & 31),
			})
		}
		checkInvariants(t, l)
	})
}

// TestRefusals pins the errors for layouts that awsx or AWS would refuse.
func TestRefusals(t *testing.T) {
	t.Parallel()
	blocks := func(cidrs ...string) subnetSpec { return subnetSpec{Type: "Public", CIDRBlocks: cidrs} }
	tests := map[string]struct {
		layout layout
		want   string
	}{
		"no zone":           {layout{}, "at least one availability zone"},
		"not a block":       {layout{zones: 1, cidr: "10.0.0.0"}, "parsing CIDR block"},
		"IPv6":              {layout{zones: 1, cidr: "fd00::/8"}, "not an IPv4 block"},
		"unknown strategy":  {layout{zones: 1, strategy: "Best"}, `does not know the subnetStrategy "Best"`},
		"unknown type":      {layout{zones: 1, specs: []subnetSpec{{Type: "Db"}}}, `does not know the subnet type "Db"`},
		"no specs":          {layout{zones: 1, specs: []subnetSpec{}}, "No subnets specified"},
		"mask out of range": {layout{zones: 1, specs: masked(31, 0, 0)}, "takes a cidrMask of 1 to 30, got 31"},
		"zone mask":         {layout{zones: 1, zoneMask: 33}, "takes an availabilityZoneCidrMask of 1 to 30, got 33"},
		"size":              {layout{zones: 1, specs: []subnetSpec{{Type: "Public", Size: 100}}}, "got 100"},
		"size and mask": {
			layout{zones: 1, specs: []subnetSpec{{Type: "Public", Size: 256, CIDRMask: 25}}},
			"Subnet size 256 does not match the expected size for a /25 subnet (128).",
		},
		"blocks for some specs": {
			layout{zones: 1, specs: []subnetSpec{blocks("10.0.0.0/24"), {Type: "Private"}}},
			"If any subnet spec has explicit cidrBlocks, all subnets must have explicit cidrBlocks.",
		},
		"blocks per zone": {
			layout{zones: 2, specs: []subnetSpec{blocks("10.0.0.0/24")}},
			"The number of CIDR blocks in subnetSpecs[0] must match the number of availability zones (2).",
		},
		"overlap": {
			layout{zones: 2, specs: []subnetSpec{blocks("10.0.0.0/24", "10.0.0.128/25")}},
			"1. vpc-public-1: 10.0.0.0/24\n2. vpc-public-2: 10.0.0.128/25\n",
		},
		"outside the VPC":   {layout{zones: 1, specs: []subnetSpec{blocks("10.1.0.0/24")}}, "AWS takes no 10.1.0.0/24"},
		"not aligned":       {layout{zones: 1, specs: []subnetSpec{blocks("10.0.0.1/24")}}, "AWS takes no 10.0.0.1/24"},
		"too many zones":    {layout{zones: 5, zoneMask: 18, specs: masked(0, 0, 0)}, "AWS takes no 10.1.0.0/20"},
		"legacy, unaligned": {layout{zones: 2, cidr: "10.0.5.0/16", strategy: strategyLegacy}, "cannot divide 10.0.5.0/16"},
		"legacy, narrow":    {layout{zones: 4, cidr: "10.0.0.0/30", strategy: strategyLegacy}, "cannot divide 10.0.0.0/30"},
		"gaps": {
			layout{zones: 1, strategy: strategyExact, specs: []subnetSpec{blocks("10.0.1.0/24"), blocks("10.0.3.0/24")}},
			"Please fix the following gaps: vpc-public-1 (10.0.1.0/24) does not start at the beginning of the VPC (10.0.0.0/16), " +
				"vpc-public-1 (10.0.1.0/24) <=> vpc-public-1 (10.0.3.0/24), " +
				"vpc-public-1 (ending 10.0.3.255) ends before VPC ends (at 10.0.255.255})",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := test.layout
			l.vpcName = "vpc"
			l.cidr = cmp.Or(l.cidr, "10.0.0.0/16")
			l.strategy = cmp.Or(l.strategy, strategyAuto)
			_, _, err := l.plan()
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestExactLayoutThatFillsTheVPC(t *testing.T) {
	t.Parallel()
	l := layout{vpcName: "vpc", cidr: "10.0.0.0/16", strategy: strategyExact, zones: 2, specs: []subnetSpec{
		{Type: "Private", CIDRMask: 18}, {Type: "Public", Size: 8192}, {Type: "Unused", CIDRMask: 19},
	}}
	subnets, resolved, err := l.plan()
	require.NoError(t, err)
	assert.Len(t, subnets, 6)
	assert.Equal(t, subnetSpec{Type: "Public", CIDRMask: 19, Size: 8192}, resolved[1])
	checkInvariants(t, l)
}

func TestBetween(t *testing.T) {
	t.Parallel()
	a, errA := parseBlock("10.0.0.0/24")
	b, errB := parseBlock("10.0.8.0/24")
	require.NoError(t, errors.Join(errA, errB))
	assert.Equal(t, "[10.0.1.0/24 10.0.2.0/23 10.0.4.0/22]", fmt.Sprint(between(a, b)))
}
