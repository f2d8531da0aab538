package wheel

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"strings"
)

// newRecordHash makes the hash that RECORD names. The wheel format asks for
// SHA-256 or better; MD5 and SHA-1 are refused by name in it.
func newRecordHash(algorithm string) hash.Hash {
	switch algorithm {
	case "sha256":
		return sha256.New()
	case "sha384":
		return sha512.New384()
	case "sha512":
		return sha512.New()
	}
	return nil
}

// records is what RECORD says of the members, by path. Nothing is kept of other
// lines: there may be millions.
type records map[string]RecordEntry

// checkRecord compares the paths of RECORD with those of the archive, in both
// directions, and gives the entries whose hashes are to be proven.
func (r *report) checkRecord(data []byte, members []zipMember, d distInfo) records {
	present := make(map[string]bool, len(members))
	for i := range members {
		if m := &members[i]; !m.isDirectory() {
			present[m.name] = true
		}
	}
	entries := make(records, len(members))
	repeated := false
	err := eachRecord(data, func(e RecordEntry) {
		first, twice := entries[e.Path]
		switch {
		case strings.HasSuffix(e.Path, "/"): // directories: some builders list them
		case !present[e.Path]:
			if !d.isUnrecorded(e.Path) {
				r.refuse(RuleRecordFiles, d.record.name, "lists %v, which is not in the wheel", shown(e.Path))
			}
		case !twice:
			e.Path = strings.Clone(e.Path)
			entries[e.Path] = e
		case !sameEntry(first, e):
			r.refuse(RuleRecord, d.record.name, "lists %s twice, with different hashes or sizes", printable(e.Path))
		case !repeated:
			repeated = true
			r.warn(RuleRecord, d.record.name, "lists %s twice", printable(e.Path))
		}
	})
	if err != nil {
		r.take(inMember(d.record.name, err)) //nolint:errcheck // it is about the file
		return nil
	}
	if _, listed := entries[d.record.name]; !listed {
		r.warn(RuleRecord, d.record.name, "does not list itself")
	}
	for i := range members {
		m := &members[i]
		if e, listed := entries[m.name]; !m.isDirectory() && !d.isUnrecorded(m.name) {
			r.checkEntry(m, e, listed)
		}
	}
	return entries
}

func sameEntry(a, b RecordEntry) bool {
	return a.Hash == b.Hash && a.Size == b.Size && bytes.Equal(a.Digest, b.Digest)
}

// checkEntry judges what RECORD says of a member before its content is read.
func (r *report) checkEntry(m *zipMember, e RecordEntry, listed bool) {
	switch {
	case !listed:
		r.refuse(RuleRecordFiles, m.name, "is not in RECORD")
	case e.Hash == "":
		r.refuse(RuleRecordHash, m.name, "has no hash in RECORD")
	case newRecordHash(e.Hash) == nil:
		r.refuse(RuleRecordHash, m.name, "has a hash of type %q in RECORD; only sha256, sha384 and sha512 are allowed", e.Hash)
	case len(e.Digest) != newRecordHash(e.Hash).Size():
		r.refuse(RuleRecordHash, m.name, "has a hash in RECORD that is no %s", e.Hash)
	case e.Size >= 0 && e.Size != m.uncompressed:
		r.refuse(RuleRecordHash, m.name, "has %d bytes, RECORD says %d", m.uncompressed, e.Size)
	}
}

// encodeDigest writes a hash as RECORD does.
func encodeDigest(digest []byte) string { return base64.RawURLEncoding.EncodeToString(digest) }
