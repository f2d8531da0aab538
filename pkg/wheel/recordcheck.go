package wheel

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"slices"
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

// records is RECORD, held against the members.
type records map[string]RecordEntry

// checkRecord compares the paths of RECORD with those of the archive, in both
// directions, and gives the entries whose hashes are to be proven.
func (r *report) checkRecord(data []byte, members []zipMember, d distInfo) records {
	entries := make(records, len(members))
	repeated := false
	err := eachRecord(data, func(e RecordEntry) {
		if strings.HasSuffix(e.Path, "/") {
			return // directories: some builders list them
		}
		first, twice := entries[e.Path]
		switch {
		case !twice:
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
	present := make(map[string]bool, len(members))
	for i := range members {
		m := &members[i]
		if m.isDirectory() {
			continue
		}
		present[m.name] = true
		if e, listed := entries[m.name]; !d.isUnrecorded(m.name) {
			r.checkEntry(m, e, listed)
		}
	}
	var absent []string
	for path := range entries {
		if !present[path] && !d.isUnrecorded(path) {
			absent = append(absent, path)
		}
	}
	slices.Sort(absent)
	for _, path := range absent {
		r.refuse(RuleRecordFiles, d.record.name, "lists %s, which is not in the wheel", printable(path))
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
