package index

import (
	"bytes"
	"cmp"
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
	old, retired, withdrawn := map[string]*File{}, map[string]bool{}, map[string]string{}
	for _, f := range a.Files {
		old[f.Filename] = f
	}
	for _, r := range b.Retired {
		retired[r.File.Filename] = true
	}
	for _, w := range b.Withdrawn {
		withdrawn[w.Filename] = "withdrawn: " + w.Reason
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
		d.add("removed", p, f, cmp.Or(withdrawn[f.Filename], detail))
		delete(withdrawn, f.Filename)
	}
	d.unlisted(a, b, retired, withdrawn)
	slices.SortFunc(d.Files, func(x, y FileDiff) int { return strings.Compare(x.Filename, y.Filename) })
	return d
}

// unlisted adds what became of files that neither catalog lists: retired ones
// that are withdrawn, or whose time has ended, and names that are withdrawn.
func (d *Diff) unlisted(a, b *Catalog, retired map[string]bool, withdrawn map[string]string) {
	listed := map[string]bool{}
	for _, f := range b.Files {
		listed[f.Filename] = true
	}
	for _, w := range a.Withdrawn {
		delete(withdrawn, w.Filename)
	}
	for i := range a.Retired {
		f := &a.Retired[i].File
		if name := f.Filename; !retired[name] && !listed[name] {
			d.Files = append(d.Files, FileDiff{Change: "removed", Version: f.Version, Filename: name, SHA256: f.SHA256, Size: f.Size,
				Detail: cmp.Or(withdrawn[name], "no longer kept for locks")})
			delete(withdrawn, name)
		}
	}
	for _, w := range b.Withdrawn {
		if detail := withdrawn[w.Filename]; detail != "" {
			d.Files = append(d.Files, FileDiff{Change: "removed", Filename: w.Filename, SHA256: w.SHA256, Detail: detail})
		}
	}
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
