package wheel

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
)

const (
	// chunk is how much is inflated at a time: small enough to stay in the
	// processor's cache between inflating and hashing.
	chunk = 128 << 10
	// packedChunk is how much is read of the file at a time.
	packedChunk = 64 << 10
)

// unpacker reads members one after the other, with the same buffers.
type unpacker struct {
	z       *zipArchive
	source  sourceReader
	packed  *bufio.Reader
	inflate io.ReadCloser
	buf     []byte
	hashes  map[string]hash.Hash
}

// newUnpacker makes one for members of at most largest bytes.
func newUnpacker(ctx context.Context, z *zipArchive, largest int64) *unpacker {
	u := &unpacker{z: z, hashes: make(map[string]hash.Hash)}
	u.source.stop = ctx.Err
	u.packed = bufio.NewReaderSize(&u.source, int(min(largest+512, packedChunk)))
	// At least the head fits; one byte more than a small member tells its end.
	u.buf = make([]byte, min(max(largest, HeadBytes)+1, chunk))
	return u
}

// hashFor is a hash to be used for one member, nil if there is no such.
func (u *unpacker) hashFor(algorithm string) hash.Hash {
	h := u.hashes[algorithm]
	if h == nil {
		if h = newRecordHash(algorithm); h == nil {
			return nil
		}
		u.hashes[algorithm] = h
	}
	h.Reset()
	return h
}

// open begins to read a member.
func (u *unpacker) open(m *zipMember) (io.Reader, error) {
	u.source.r = io.NewSectionReader(u.z.r, m.data, m.compressed)
	u.source.err = nil
	u.packed.Reset(&u.source)
	if m.method == methodStore {
		return u.packed, nil
	}
	if u.inflate == nil {
		u.inflate = flate.NewReader(u.packed)
		return u.inflate, nil
	}
	return u.inflate, u.inflate.(flate.Resetter).Reset(u.packed, nil)
}

// member unpacks a member and proves that it is as long as m says, has its
// CRC, and fills the packed bytes. head is shown the first [HeadBytes] bytes
// and may give a writer for the whole content, which member closes. h, if not
// nil, hashes the content.
func (u *unpacker) member(m *zipMember, h hash.Hash, head func([]byte) (io.WriteCloser, error)) (err error) {
	content, err := u.open(m)
	if err != nil {
		return err
	}
	var out io.WriteCloser
	defer func() {
		if out != nil {
			if closeErr := out.Close(); err == nil && closeErr != nil {
				err = fmt.Errorf("write %s: %w", printable(m.name), closeErr)
			}
		}
	}()
	total, crc := int64(0), uint32(0)
	for first := true; ; first = false {
		n, readErr := fill(content, u.buf)
		data := u.buf[:n]
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return u.readError(m, readErr)
		}
		total += int64(n)
		if total > m.uncompressed {
			return contentError(m, "unpacks to more than the %d bytes that the archive gives", m.uncompressed)
		}
		if first {
			if out, err = head(data[:min(n, HeadBytes)]); err != nil {
				return err
			}
		}
		crc = crc32.Update(crc, crc32.IEEETable, data)
		if h != nil {
			h.Write(data)
		}
		if out != nil {
			if _, err := out.Write(data); err != nil {
				return fmt.Errorf("write %s: %w", printable(m.name), err)
			}
		}
		if readErr != nil {
			break
		}
	}
	return u.finish(m, total, crc)
}

// fill is io.ReadFull with io.EOF for the end also after some bytes, which
// tells it from a stream that is cut short.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var k int
		k, err = r.Read(buf[n:])
		n += k
	}
	return n, err
}

func (u *unpacker) readError(m *zipMember, err error) error {
	if u.source.err != nil {
		return fmt.Errorf("read %s: %w", printable(m.name), u.source.err)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return contentError(m, "unpacks to fewer than the %d bytes that the archive gives", m.uncompressed)
	}
	return contentError(m, "does not inflate: %v", err)
}

func (u *unpacker) finish(m *zipMember, total int64, crc uint32) error {
	if total != m.uncompressed {
		return contentError(m, "unpacks to %d bytes, the archive gives %d", total, m.uncompressed)
	}
	if crc != m.crc {
		return contentError(m, "has another CRC than the archive gives")
	}
	// What follows the end of the deflate stream would be seen by readers that
	// go from stream to stream.
	if _, err := u.packed.ReadByte(); err == nil {
		return contentError(m, "packed bytes follow the end of its content")
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", printable(m.name), err)
	}
	return nil
}

func contentError(m *zipMember, format string, args ...any) error {
	return &Error{Member: m.name, Rule: RuleContent, Reason: fmt.Sprintf(format, args...)}
}

// read gives the content of a member of at most limit bytes.
func (u *unpacker) read(m *zipMember, h hash.Hash, limit int64) ([]byte, error) {
	if m.uncompressed > limit {
		return nil, &Error{Member: m.name, Rule: RuleLimit, Reason: fmt.Sprintf("%d bytes, more than %d", m.uncompressed, limit)}
	}
	kept := &keeper{}
	kept.Grow(int(min(m.uncompressed, 64<<10)))
	err := u.member(m, h, func([]byte) (io.WriteCloser, error) { return kept, nil })
	return kept.Bytes(), err
}

// keeper keeps what a member holds.
type keeper struct{ bytes.Buffer }

func (*keeper) Close() error { return nil }
