package wheel_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"testing"
)

// lastEntry is the offset of the last entry of the directory, which is RECORD's.
func lastEntry(data []byte) int { return bytes.LastIndex(data, []byte("PK\x01\x02")) }

func edit32(data []byte, at int, value uint32) []byte {
	out := bytes.Clone(data)
	binary.LittleEndian.PutUint32(out[at:], value)
	return out
}

// damaged breaks the deflate stream of RECORD.
func damaged(t *testing.T, data []byte) []byte {
	t.Helper()
	out := bytes.Clone(data)
	entry := lastEntry(data)
	local := binary.LittleEndian.Uint32(out[entry+42:])
	start := int(local) + 30 + int(binary.LittleEndian.Uint16(out[local+26:])) + int(binary.LittleEndian.Uint16(out[local+28:]))
	out[start] = 0x07 // final block of the reserved type
	return out
}

func gzipped(t *testing.T, content string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// zip64 rewrites a zip's directory and end with zip64 fields. With sentinels the
// plain fields say nothing, without they repeat the values.
func zip64(data []byte, sentinels bool) []byte {
	le := binary.LittleEndian
	end := data[len(data)-22:]
	count, offset := le.Uint16(end[10:]), le.Uint32(end[16:])
	var directory []byte
	for rest := data[offset : len(data)-22]; len(rest) > 0; {
		name, extra := int(le.Uint16(rest[28:])), int(le.Uint16(rest[30:]))
		entry := bytes.Clone(rest[:46+name])
		rest = rest[46+name+extra+int(le.Uint16(rest[32:])):]
		field := append([]byte{0xfe, 0xca, 1, 0, 'x'}, 1, 0, 24, 0) // another extra field before it
		field = le.AppendUint64(field, uint64(le.Uint32(entry[24:])))
		field = le.AppendUint64(field, uint64(le.Uint32(entry[20:])))
		field = le.AppendUint64(field, uint64(le.Uint32(entry[42:])))
		le.PutUint32(entry[20:], 1<<32-1)
		le.PutUint32(entry[24:], 1<<32-1)
		le.PutUint32(entry[42:], 1<<32-1)
		le.PutUint16(entry[30:], uint16(len(field)))
		le.PutUint16(entry[32:], 0)
		directory = append(append(directory, entry...), field...)
	}
	out := append(bytes.Clone(data[:offset]), directory...)
	record := uint64(len(out))
	out = le.AppendUint32(out, 0x06064b50)
	out = le.AppendUint64(out, 44)
	out = append(out, 45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	out = le.AppendUint64(out, uint64(count))
	out = le.AppendUint64(out, uint64(count))
	out = le.AppendUint64(out, uint64(len(directory)))
	out = le.AppendUint64(out, uint64(offset))
	out = le.AppendUint32(out, 0x07064b50)
	out = le.AppendUint32(out, 0)
	out = le.AppendUint64(out, record)
	out = le.AppendUint32(out, 1)
	plain := bytes.Clone(end)
	le.PutUint32(plain[12:], uint32(len(directory)))
	if sentinels {
		for i := 8; i < 20; i++ {
			plain[i] = 0xff
		}
	}
	return append(out, plain...)
}
