package wheel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The standard library's archive/zip keeps every entry in memory, however many
// there are, and takes archives that other readers see differently: bytes
// before or after the zip, a comment with another zip inside. This reader
// wants the directory to be where the end record says, the end record to be the
// end, and members to fill all that is before (see layout).

const (
	signatureLocal     = 0x04034b50
	signatureDirectory = 0x02014b50
	signatureEnd       = 0x06054b50
	signatureEnd64     = 0x06064b50
	signatureLocator64 = 0x07064b50

	lengthLocal     = 30
	lengthDirectory = 46
	lengthEnd       = 22
	lengthEnd64     = 56
	lengthLocator64 = 20

	sentinel16 = 1<<16 - 1
	sentinel32 = 1<<32 - 1
)

// zipArchive is a zip whose end records have been read and found consistent.
type zipArchive struct {
	r         io.ReaderAt
	directory int64 // offset of the central directory
	length    int64 // of the central directory
	count     int64
}

// archiveError is about the archive, not about the disk it lies on.
func archiveError(format string, args ...any) error {
	return &Error{Rule: RuleArchive, Reason: fmt.Sprintf(format, args...)}
}

func limitError(format string, args ...any) error {
	return &Error{Rule: RuleLimit, Reason: fmt.Sprintf(format, args...)}
}

// readFull reads len(buf) bytes at offset, which the caller knows to be inside
// the file.
func readFull(r io.ReaderAt, buf []byte, offset int64) error {
	n, err := r.ReadAt(buf, offset)
	if n == len(buf) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // the file is shorter than it was said to be
	}
	return fmt.Errorf("read at %d: %w", offset, err)
}

func openZip(r io.ReaderAt, size int64, limits Limits) (*zipArchive, error) {
	if size < lengthEnd {
		return nil, archiveError("not a zip: only %d bytes", size)
	}
	var end [lengthEnd]byte
	at := size - lengthEnd
	if err := readFull(r, end[:], at); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if le.Uint32(end[:]) != signatureEnd || le.Uint16(end[20:]) != 0 {
		return nil, archiveError("not a zip, cut short, or with bytes after its end")
	}
	z := &zipArchive{
		r: r, count: int64(le.Uint16(end[10:])),
		length: int64(le.Uint32(end[12:])), directory: int64(le.Uint32(end[16:])),
	}
	at, err := z.readEnd64(at)
	switch {
	case err != nil:
		return nil, err
	case le.Uint16(end[4:]) != 0 || le.Uint16(end[6:]) != 0 || le.Uint16(end[8:]) != le.Uint16(end[10:]):
		return nil, archiveError("zip of several volumes")
	case z.count > int64(limits.Members):
		return nil, limitError("%d members, more than %d", z.count, limits.Members)
	case z.length > limits.Directory:
		return nil, limitError("zip directory of %d bytes, more than %d", z.length, limits.Directory)
	case z.directory < 0 || z.length < 0 || z.directory > at || z.directory+z.length != at:
		return nil, archiveError("zip directory is not where its end record says")
	}
	return z, nil
}

// readEnd64 replaces what the end record says by the zip64 end record, if there
// is one, and returns where the directory has to end. Python writes the zip64
// record from 2 GiB on, without sentinels up to 4 GiB; values that are given
// twice have to agree.
func (z *zipArchive) readEnd64(at int64) (int64, error) {
	le := binary.LittleEndian
	var locator [lengthLocator64]byte
	if at < lengthLocator64+lengthEnd64 {
		return at, nil
	}
	if err := readFull(z.r, locator[:], at-lengthLocator64); err != nil {
		return 0, err
	}
	if le.Uint32(locator[:]) != signatureLocator64 {
		return at, nil
	}
	at -= lengthLocator64 + lengthEnd64
	var end [lengthEnd64]byte
	if err := readFull(z.r, end[:], at); err != nil {
		return 0, err
	}
	if le.Uint64(locator[8:]) != uint64(at) || le.Uint32(end[:]) != signatureEnd64 || le.Uint64(end[4:]) != lengthEnd64-12 {
		return 0, archiveError("zip64 end record is not where its locator says")
	}
	if le.Uint32(locator[4:]) != 0 || le.Uint32(locator[16:]) != 1 || le.Uint32(end[16:]) != 0 || le.Uint32(end[20:]) != 0 ||
		le.Uint64(end[24:]) != le.Uint64(end[32:]) {
		return 0, archiveError("zip64 of several volumes")
	}
	for _, v := range []struct {
		value    *int64
		sentinel int64
		wide     uint64
	}{
		{&z.count, sentinel16, le.Uint64(end[32:])},
		{&z.length, sentinel32, le.Uint64(end[40:])},
		{&z.directory, sentinel32, le.Uint64(end[48:])},
	} {
		if *v.value != v.sentinel && uint64(*v.value) != v.wide || v.wide > 1<<62 {
			return 0, archiveError("zip64 end record and end record disagree")
		}
		*v.value = int64(v.wide)
	}
	return at, nil
}
