package wheeltest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"maps"
	"slices"
	"testing"
)

// Sdist describes a source distribution. The zero value is demo 1.0 as .tar.gz.
type Sdist struct {
	Name           string // "demo"
	Version        string // "1.0"
	Ext            string // ".tar.gz" or ".zip"
	Requires       []string
	RequiresPython string
	Summary        string
	PkgInfo        string            // replaces the whole PKG-INFO
	NoPkgInfo      bool              // as very old sdists
	Files          map[string]string // path below the root directory → content; default a pyproject.toml
}

func (s Sdist) wheel() Wheel {
	return Wheel{
		Name: s.Name, Version: s.Version, Requires: s.Requires,
		RequiresPython: s.RequiresPython, Summary: s.Summary, Metadata: s.PkgInfo,
	}
}

// Filename is the sdist's file name.
func (s Sdist) Filename() string { return s.wheel().stem() + cmp.Or(s.Ext, ".tar.gz") }

func (s Sdist) members() [][2]string {
	files := s.Files
	if files == nil {
		files = map[string]string{"pyproject.toml": "[build-system]\nrequires = []\n"}
	}
	w := s.wheel()
	var members [][2]string
	for _, path := range slices.Sorted(maps.Keys(files)) {
		members = append(members, [2]string{w.stem() + "/" + path, files[path]})
	}
	if !s.NoPkgInfo {
		members = append(members, [2]string{w.stem() + "/PKG-INFO", w.METADATA()})
	}
	return members
}

// BuildSdist gives the bytes of the sdist.
func BuildSdist(tb testing.TB, s Sdist) []byte {
	tb.Helper()
	if s.Ext == ".zip" {
		return zipOf(tb, s.members(), true)
	}
	var buf bytes.Buffer
	compress := gzip.NewWriter(&buf)
	archive := tar.NewWriter(compress)
	for _, m := range s.members() {
		err := archive.WriteHeader(&tar.Header{Name: m[0], Mode: 0o644, Size: int64(len(m[1])), Format: tar.FormatUSTAR})
		if err == nil {
			_, err = archive.Write([]byte(m[1]))
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		tb.Fatal(err)
	}
	if err := compress.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

// WriteSdist builds the sdist into dir and returns its path.
func WriteSdist(tb testing.TB, dir string, s Sdist) string {
	tb.Helper()
	return writeFile(tb, dir, s.Filename(), BuildSdist(tb, s))
}
