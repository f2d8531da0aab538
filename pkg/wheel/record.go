package wheel

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// RecordEntry is one line of RECORD.
type RecordEntry struct {
	Path   string // relative to the root of the wheel, with slashes
	Hash   string // algorithm, "sha256"; empty for RECORD itself
	Digest []byte
	Size   int64 // in bytes, -1 if not given
}

// ParseRecord reads RECORD: CSV lines of path, hash and size. Paths are not
// judged, and hashes are decoded but not compared with anything. Errors are of
// type [*Error] with RuleRecord and name the line. The caller bounds the size
// ([Limits].Record).
func ParseRecord(data []byte) ([]RecordEntry, error) {
	entries := make([]RecordEntry, 0, bytes.Count(data, []byte("\n")))
	err := eachRecord(data, func(e RecordEntry) {
		e.Path = strings.Clone(e.Path)
		entries = append(entries, e)
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// eachRecord is ParseRecord without keeping the entries. Their paths share
// memory with the whole line.
func eachRecord(data []byte, yield func(RecordEntry)) error {
	if !utf8.Valid(data) {
		return recordError(0, "not UTF-8")
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = 3
	r.ReuseRecord = true
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var syntax *csv.ParseError
		if errors.As(err, &syntax) {
			return recordError(syntax.Line, "%v", syntax.Err)
		}
		if err != nil {
			return recordError(0, "%v", err)
		}
		line, _ := r.FieldPos(0)
		entry, reason := parseRecordEntry(fields)
		if reason != "" {
			return recordError(line, "%s", reason)
		}
		yield(entry)
	}
}

func parseRecordEntry(fields []string) (e RecordEntry, reason string) {
	e = RecordEntry{Path: fields[0], Size: -1}
	if e.Path == "" {
		return e, "path is empty"
	}
	if fields[1] != "" {
		algorithm, encoded, ok := strings.Cut(fields[1], "=")
		// Padding is wrong but harmless: some builders write it.
		digest, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(encoded, "="))
		if !ok || err != nil || algorithm == "" || len(digest) == 0 {
			return e, fmt.Sprintf("hash %q of %q is not algorithm=base64url", fields[1], e.Path)
		}
		e.Hash, e.Digest = strings.ToLower(algorithm), digest
	}
	if fields[2] != "" {
		size, err := strconv.ParseUint(fields[2], 10, 63)
		if err != nil {
			return e, fmt.Sprintf("size %q of %q is not a number of bytes", fields[2], e.Path)
		}
		e.Size = int64(size)
	}
	return e, ""
}

func recordError(line int, format string, args ...any) error {
	reason := fmt.Sprintf(format, args...)
	if line > 0 {
		reason = fmt.Sprintf("line %d: %s", line, reason)
	}
	return &Error{Rule: RuleRecord, Reason: reason}
}
