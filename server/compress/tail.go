package compress

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/klauspost/compress/flate"
)

// Tail is a text that is compressed once and sent behind something else each time.
type Tail struct{ plain, deflated []byte }

// NewTail compresses a text; one that is too short is empty.
func NewTail(plain []byte) Tail {
	if len(plain) < Least {
		return Tail{}
	}
	var deflated bytes.Buffer
	_ = flate.StatelessDeflate(&deflated, plain, true, nil) // a buffer takes all
	return Tail{plain, deflated.Bytes()}
}

// After returns head and the tail as gzip, or nil: of a tail that is empty, and behind
// a head of more than 64 KiB. The head is a block of its own that is not compressed.
// https://www.rfc-editor.org/rfc/rfc1951#section-3.2.4
func (t Tail) After(head []byte) []byte {
	if t.deflated == nil || len(head) > math.MaxUint16 {
		return nil
	}
	const unknownSystem = 0xff
	member := make([]byte, 0, 10+5+len(head)+len(t.deflated)+8)
	member = append(member, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, unknownSystem, 0)
	member = binary.LittleEndian.AppendUint16(member, uint16(len(head)))
	member = binary.LittleEndian.AppendUint16(member, ^uint16(len(head)))
	member = append(append(member, head...), t.deflated...)
	member = binary.LittleEndian.AppendUint32(member, crc32.Update(crc32.ChecksumIEEE(head), crc32.IEEETable, t.plain))
	return binary.LittleEndian.AppendUint32(member, uint32(len(head)+len(t.plain)))
}
