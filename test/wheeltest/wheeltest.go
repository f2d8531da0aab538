// Package wheeltest makes wheels and sdists for tests and benchmarks: small,
// valid, and the same bytes for the same description.
package wheeltest

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/flate"
	"crypto/sha256"
	"encoding/base64"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Wheel describes a wheel. The zero value is demo 1.0, pure Python.
type Wheel struct {
	Name           string   // "demo"; as METADATA spells it
	Version        string   // "1.0"; as METADATA spells it
	Build          string   // none
	Tags           string   // "py3-none-any"; a compressed set as in the file name
	Requires       []string // Requires-Dist
	RequiresPython string
	Summary        string
	License        string            // License-Expression
	Extras         []string          // Provides-Extra
	Metadata       string            // replaces the whole METADATA
	Files          map[string]string // path → content; default one module named after the project
	Deflate        bool              // compress members; default is stored, which is faster
	Omit           []string          // "WHEEL", "METADATA" or "RECORD" to leave out
}

func (w Wheel) name() string    { return cmp.Or(w.Name, "demo") }
func (w Wheel) version() string { return cmp.Or(w.Version, "1.0") }
func (w Wheel) tags() string    { return cmp.Or(w.Tags, "py3-none-any") }

// escape makes a name or a version fit between the dashes of a file name.
func escape(s string) string {
	return strings.ToLower(strings.NewReplacer("-", "_", ".", "_").Replace(s))
}

// stem is "name-version" as file and dist-info are called.
func (w Wheel) stem() string {
	return escape(w.name()) + "-" + strings.ReplaceAll(w.version(), "-", "_")
}

// Filename is the wheel's file name.
func (w Wheel) Filename() string {
	build := ""
	if w.Build != "" {
		build = "-" + w.Build
	}
	return w.stem() + build + "-" + w.tags() + ".whl"
}

// METADATA is the content of that member.
func (w Wheel) METADATA() string {
	if w.Metadata != "" {
		return w.Metadata
	}
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			b.WriteString(name + ": " + value + "\n")
		}
	}
	field("Metadata-Version", "2.4")
	field("Name", w.name())
	field("Version", w.version())
	field("Summary", w.Summary)
	field("License-Expression", w.License)
	field("Requires-Python", w.RequiresPython)
	for _, r := range w.Requires {
		field("Requires-Dist", r)
	}
	for _, e := range w.Extras {
		field("Provides-Extra", e)
	}
	b.WriteString("\nA wheel made for a test.\n")
	return b.String()
}

func (w Wheel) wheelFile() string {
	var b strings.Builder
	b.WriteString("Wheel-Version: 1.0\nGenerator: wheeltest\n")
	b.WriteString("Root-Is-Purelib: " + strconv.FormatBool(strings.HasSuffix(w.tags(), "-any")) + "\n")
	parts := strings.Split(w.tags(), "-")
	if len(parts) != 3 {
		return b.String()
	}
	for python := range strings.SplitSeq(parts[0], ".") {
		for abi := range strings.SplitSeq(parts[1], ".") {
			for platform := range strings.SplitSeq(parts[2], ".") {
				b.WriteString("Tag: " + python + "-" + abi + "-" + platform + "\n")
			}
		}
	}
	if w.Build != "" {
		b.WriteString("Build: " + w.Build + "\n")
	}
	return b.String()
}

// members gives paths and contents in the order of the archive, RECORD last.
func (w Wheel) members() [][2]string {
	files := w.Files
	if files == nil {
		files = map[string]string{escape(w.name()) + "/__init__.py": "__version__ = " + strconv.Quote(w.version()) + "\n"}
	}
	var members [][2]string
	for _, path := range slices.Sorted(maps.Keys(files)) {
		members = append(members, [2]string{path, files[path]})
	}
	info := w.stem() + ".dist-info/"
	for _, m := range [][2]string{{"METADATA", w.METADATA()}, {"WHEEL", w.wheelFile()}} {
		if !slices.Contains(w.Omit, m[0]) {
			members = append(members, [2]string{info + m[0], m[1]})
		}
	}
	if slices.Contains(w.Omit, "RECORD") {
		return members
	}
	var record strings.Builder
	for _, m := range members {
		sum := sha256.Sum256([]byte(m[1]))
		record.WriteString(csvField(m[0]) + ",sha256=" + base64.RawURLEncoding.EncodeToString(sum[:]) + "," + strconv.Itoa(len(m[1])) + "\n")
	}
	record.WriteString(csvField(info+"RECORD") + ",,\n")
	return append(members, [2]string{info + "RECORD", record.String()})
}

func csvField(s string) string {
	if strings.ContainsAny(s, "\",\r\n") {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}

// Build gives the bytes of the wheel: a zip with all sizes in the local
// headers (no data descriptors, which PyPI-like indexes refuse), dated 1980.
func Build(tb testing.TB, w Wheel) []byte {
	tb.Helper()
	return zipOf(tb, w.members(), w.Deflate)
}

// Write builds the wheel into dir and returns its path.
func Write(tb testing.TB, dir string, w Wheel) string {
	tb.Helper()
	return writeFile(tb, dir, w.Filename(), Build(tb, w))
}

func writeFile(tb testing.TB, dir, name string, data []byte) string {
	tb.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}

func zipOf(tb testing.TB, members [][2]string, deflate bool) []byte {
	tb.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, m := range members {
		content := []byte(m[1])
		h := &zip.FileHeader{
			Name: m[0], Method: zip.Store, ModifiedDate: 1<<5 | 1, //nolint:staticcheck // Modified would add an extra field
			CRC32: crc32.ChecksumIEEE(content), UncompressedSize64: uint64(len(content)),
		}
		h.SetMode(0o644)
		if deflate {
			h.Method, content = zip.Deflate, deflated(tb, content)
		}
		h.CompressedSize64 = uint64(len(content))
		out, err := z.CreateRaw(h)
		if err == nil {
			_, err = out.Write(content)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

func deflated(tb testing.TB, content []byte) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, flate.DefaultCompression)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}
