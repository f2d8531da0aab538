package wheel

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// layout reads the local header of each member and proves that members and
// their headers fill the file from its first byte to the directory, each
// exactly where the directory says, so that a reader that goes from header to
// header sees what one that trusts the directory sees. It sets the members'
// data and returns the names of those with data descriptors.
func (z *zipArchive) layout(members []zipMember) (descriptors []string, err error) {
	order := make([]*zipMember, len(members))
	for i := range members {
		order[i] = &members[i]
	}
	slices.SortStableFunc(order, func(a, b *zipMember) int { return cmp.Compare(a.offset, b.offset) })
	at := int64(0)
	var header []byte
	for i, m := range order {
		switch {
		case m.offset < at:
			return nil, structureError(m.name, "overlaps the member before it")
		case m.offset > at && i == 0:
			return nil, structureError("", "%d bytes stand before the first member", m.offset)
		case m.offset > at:
			return nil, structureError(m.name, "%d bytes before it belong to no member", m.offset-at)
		}
		if header, err = z.localHeader(m, header); err != nil {
			return nil, err
		}
		next := z.directory
		if i+1 < len(order) {
			next = order[i+1].offset
		}
		if at = m.data + m.compressed; m.compressed < 0 || at > z.directory || at < m.data {
			return nil, structureError(m.name, "ends beyond the place of the zip directory")
		}
		if m.flags&flagDescriptor != 0 {
			if at, err = z.descriptor(m, next); err != nil {
				return nil, err
			}
			descriptors = append(descriptors, m.name)
		}
	}
	if at != z.directory {
		return nil, structureError("", "%d bytes before the zip directory belong to no member", z.directory-at)
	}
	return descriptors, nil
}

// localHeader compares the header before the content with the directory
// (APPNOTE 4.3.7). Times and the versions of zip needed may differ: nobody
// compares them. buf is scratch space, which is given back.
func (z *zipArchive) localHeader(m *zipMember, buf []byte) ([]byte, error) {
	fixed := lengthLocal + len(m.name)
	if m.offset < 0 || m.offset > z.directory-int64(fixed) {
		return buf, structureError(m.name, "its local header does not fit before the zip directory")
	}
	buf = slices.Grow(buf[:0], fixed)[:fixed]
	if err := readFull(z.r, buf, m.offset); err != nil {
		return buf, err
	}
	le := binary.LittleEndian
	nameLength, extraLength := int(le.Uint16(buf[26:])), int(le.Uint16(buf[28:]))
	switch {
	case le.Uint32(buf) != signatureLocal:
		return buf, structureError(m.name, "there is no local header where the zip directory says")
	case nameLength != len(m.name) || string(buf[lengthLocal:]) != m.name:
		return buf, structureError(m.name, "its local header gives another name")
	case le.Uint16(buf[6:]) != m.flags:
		return buf, structureError(m.name, "its local header gives flags 0x%04x, the zip directory 0x%04x", le.Uint16(buf[6:]), m.flags)
	case le.Uint16(buf[8:]) != m.method:
		return buf, structureError(m.name, "its local header gives method %d, the zip directory %d", le.Uint16(buf[8:]), m.method)
	}
	if err := checkZipVersion(m.name, buf[4]); err != nil {
		return buf, err
	}
	crc := le.Uint32(buf[14:])
	local := zipMember{name: m.name, compressed: int64(le.Uint32(buf[18:])), uncompressed: int64(le.Uint32(buf[22:]))}
	m.data = m.offset + int64(fixed+extraLength)
	if m.data > z.directory {
		return buf, structureError(m.name, "its local header does not fit before the zip directory")
	}
	buf = slices.Grow(buf[:0], extraLength)[:extraLength]
	if err := readFull(z.r, buf, m.offset+int64(fixed)); err != nil {
		return buf, err
	}
	if bytes.Contains(buf, []byte("PK\x05\x06")) {
		return buf, structureError(m.name, "an end record of a zip is hidden in its extra field")
	}
	return buf, m.compareLocal(local, crc, buf)
}

// compareLocal compares what stands in both headers. With a data descriptor
// the local one may say nothing.
func (m *zipMember) compareLocal(local zipMember, crc uint32, extra []byte) error {
	wide, err := local.readExtra(extra)
	if err != nil {
		return err
	}
	if m.flags&flagDescriptor != 0 && crc == 0 && (local.compressed == 0 || local.compressed == sentinel32) && local.uncompressed == local.compressed {
		for _, b := range wide {
			if b != 0 {
				return structureError(m.name, "its local header has a zip64 field and a data descriptor that may differ")
			}
		}
		return nil
	}
	if err := widen(m.name, wide, &local.uncompressed, &local.compressed); err != nil {
		return err
	}
	if crc != m.crc || local.compressed != m.compressed || local.uncompressed != m.uncompressed {
		return structureError(m.name, "its local header gives another size or CRC than the zip directory")
	}
	return nil
}

// descriptor reads the data descriptor behind a member (APPNOTE 4.3.9), which
// fills the file up to next, and returns next. A stored member may not have
// one: a reader that goes from header to header cannot see where it ends.
func (z *zipArchive) descriptor(m *zipMember, next int64) (int64, error) {
	at := m.data + m.compressed
	if m.method == methodStore && m.compressed > 0 {
		return 0, structureError(m.name, "is stored with a data descriptor, so that its end cannot be seen")
	}
	var buf [24]byte
	length := next - at
	if length != 12 && length != 16 && length != 20 && length != 24 {
		return 0, structureError(m.name, "%d bytes behind it are no data descriptor", length)
	}
	if err := readFull(z.r, buf[:length], at); err != nil {
		return 0, err
	}
	fields := buf[:length]
	le := binary.LittleEndian
	if length == 16 || length == 24 {
		if !bytes.HasPrefix(fields, []byte("PK\x07\x08")) {
			return 0, structureError(m.name, "%d bytes behind it are no data descriptor", length)
		}
		fields = fields[4:]
	}
	var compressed, uncompressed uint64
	if len(fields) == 12 {
		compressed, uncompressed = uint64(le.Uint32(fields[4:])), uint64(le.Uint32(fields[8:]))
	} else {
		compressed, uncompressed = le.Uint64(fields[4:]), le.Uint64(fields[12:])
	}
	if le.Uint32(fields) != m.crc || compressed != uint64(m.compressed) || uncompressed != uint64(m.uncompressed) {
		return 0, structureError(m.name, "its data descriptor gives another size or CRC than the zip directory")
	}
	return next, nil
}
