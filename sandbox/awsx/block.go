package awsx

import (
	"fmt"
	"math/bits"
	"net/netip"
)

// block is an IPv4 CIDR block. Its base may point past the first address, as in 10.0.5.0/16.
type block struct {
	base int64
	bits int // The prefix length, from 0 to 32.
}

// parseBlock reads CIDR notation and keeps the address as it is written.
func parseBlock(cidr string) (block, error) {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return block{}, fmt.Errorf("parsing CIDR block: %w", err)
	}
	if !prefix.Addr().Is4() {
		return block{}, fmt.Errorf("parsing CIDR block %q: not an IPv4 block", cidr)
	}
	var base int64
	for _, octet := range prefix.Addr().AsSlice() {
		base = base<<8 | int64(octet)
	}
	return block{base, prefix.Bits()}, nil
}

// String returns the block in CIDR notation.
func (b block) String() string { return fmt.Sprintf("%s/%d", address(b.base), b.bits) }

// size returns the number of addresses.
func (b block) size() int64 { return 1 << (32 - b.bits) }

// first returns the first address.
func (b block) first() int64 { return b.base &^ (b.size() - 1) }

// last returns the last address.
func (b block) last() int64 { return b.first() + b.size() - 1 }

// resize returns the aligned block of another size around the base.
func (b block) resize(bits int) block { return block{block{b.base, bits}.first(), bits} }

// next returns the first aligned block of the given size that starts after the block ends.
func (b block) next(bits int) block {
	around := block{b.last(), bits}
	return block{around.last() + 1, bits}
}

// contains reports whether every address of other is in the block.
func (b block) contains(other block) bool {
	return b.first() <= other.first() && other.last() <= b.last()
}

// overlaps reports whether the blocks share an address.
func (b block) overlaps(other block) bool {
	return b.first() <= other.last() && other.first() <= b.last()
}

// address returns an address in dotted notation.
func address(a int64) string {
	return netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)}).String()
}

// newBits returns how many prefix bits it takes to divide a block in at least n parts.
func newBits(n int) int { return bits.Len(uint(max(n, 1) - 1)) }
