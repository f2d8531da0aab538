package index

import (
	"bytes"
	"slices"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// Diff is what differs between two catalogs.
type Diff struct {
	From  uint64     `json:"from"`
	To    uint64     `json:"to"`
	Files []FileDiff `json:"files"`
	// Target says that the declared environments differ.
	Target bool `json:"target"`
}

// FileDiff is a file that was "added", "removed" or "changed".
type FileDiff struct {
	Change   string `json:"change"`
	Project  string `json:"project"`
	Version  string `json:"version"`
	Filename string `json:"filename"`
	SHA256   string `json:"sha256"`
	Size     int64  `json:"size"`
	// Detail says what changed of a changed file, or where a removed one went.
	Detail string `json:"detail,omitempty"`
}

// Compare lists what differs from a to b, in ascending order of file name.
func Compare(a, b *Catalog) Diff {
	d := Diff{From: a.Serial, To: b.Serial, Files: []FileDiff{}, Target: !sameJSON(a.Target, b.Target)}
	old, retired := map[string]*File{}, map[string]bool{}
	for _, f := range a.Files {
		old[f.Filename] = f
	}
	for _, r := range b.Retired {
		retired[r.File.Filename] = true
	}
	for p, f := range b.Files {
		before, ok := old[f.Filename]
		delete(old, f.Filename)
		switch {
		case !ok:
			d.add("added", p, f, "")
		case !sameJSON(before, f):
			d.add("changed", p, f, changes(before, f))
		}
	}
	for p, f := range a.Files {
		if old[f.Filename] == nil {
			continue
		}
		detail := "gone"
		if retired[f.Filename] {
			detail = "retired: still downloadable"
		}
		d.add("removed", p, f, detail)
	}
	slices.SortFunc(d.Files, func(x, y FileDiff) int { return strings.Compare(x.Filename, y.Filename) })
	return d
}

func (d *Diff) add(change string, p *Project, f *File, detail string) {
	d.Files = append(d.Files, FileDiff{Change: change, Project: p.Name, Version: f.Version, Filename: f.Filename, SHA256: f.SHA256, Size: f.Size, Detail: detail})
}

func changes(a, b *File) string {
	switch {
	case a.SHA256 != b.SHA256:
		return "other bytes"
	case a.Yanked == nil && b.Yanked != nil:
		return "yanked: " + *b.Yanked
	case a.Yanked != nil && b.Yanked == nil:
		return "no longer yanked"
	default:
		return "other details"
	}
}

func sameJSON(a, b any) bool {
	x, errX := strictjson.Marshal(a)
	y, errY := strictjson.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
