package shim

import (
	"net/url"
	"slices"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/simple"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// snapshot is everything that can be asked of one verified revision. It never
// changes, apart from pages that are rendered when first wanted.
type snapshot struct {
	revision *verify.Revision
	list     *page
	projects map[string]*page
	files    map[fileID]servedFile
}

// fileID names a file: the same bytes may stand under several names.
type fileID struct{ sha256, filename string }

type servedFile struct {
	project string
	file    *index.File
}

func newSnapshot(revision *verify.Revision, pages *renderer) *snapshot {
	c := revision.Catalog
	s := &snapshot{revision: revision, projects: make(map[string]*page, len(c.Projects)), files: make(map[fileID]servedFile, len(c.Retired)+4*len(c.Projects))}
	stored := func(*index.File) bool { return true }
	if revision.Subset != nil {
		stored = revision.Subset.Keeps(c)
	}
	s.list = pages.page(c.Serial, func() renderable { return listOf(c) })
	for i := range c.Projects {
		p := &c.Projects[i]
		s.projects[p.Name] = pages.page(p.Changed, func() renderable { return s.project(p, stored) })
		for j := range p.Files {
			if f := &p.Files[j]; stored(f) {
				s.files[fileID{f.SHA256, f.Filename}] = servedFile{p.Name, f}
			}
		}
	}
	for i := range c.Retired {
		f := &c.Retired[i].File
		s.files[fileID{f.SHA256, f.Filename}] = servedFile{projectOf(f.Filename), f}
	}
	return s
}

// projectOf is the project that a file name belongs to, or "".
func projectOf(filename string) string {
	name, err := wheel.ParseAnyFilename(filename)
	if err != nil {
		return ""
	}
	return name.Project
}

// page returns the root page for "", the project's page for its name with a
// slash, and nil for anything else.
func (s *snapshot) page(name string) *page {
	if name == "" {
		return s.list
	}
	if last := len(name) - 1; name[last] == '/' {
		return s.projects[name[:last]]
	}
	return nil
}

// denied reports why a file of this revision or of another may not be served.
func (s *snapshot) denied(project string, id fileID) (reason string, denied bool) {
	return s.revision.Denied.File(project, id.filename, id.sha256)
}

// quarantined reports whether the revision lists the project as quarantined,
// and why. Then none of its files may be offered (PEP 792).
func (s *snapshot) quarantined(project string) (reason string, quarantined bool) {
	projects := s.revision.Catalog.Projects
	i, found := slices.BinarySearchFunc(projects, project, func(p index.Project, name string) int {
		return strings.Compare(p.Name, name)
	})
	if !found || projects[i].Status == nil || projects[i].Status.Status != simple.StatusQuarantined {
		return "", false
	}
	return projects[i].Status.Reason, true
}

func listOf(c *index.Catalog) renderable {
	l := &simple.List{Serial: c.Serial, Projects: make([]simple.Listed, len(c.Projects))}
	for i, p := range c.Projects {
		l.Projects[i] = simple.Listed{Name: p.Name, Serial: p.Changed}
	}
	return l
}

// project gives the page of a project without files that are denied or that a
// mirror has not kept.
func (s *snapshot) project(p *index.Project, stored func(*index.File) bool) renderable {
	out := &simple.Project{Name: p.Name, Serial: p.Changed}
	if p.Status != nil {
		out.Status = simple.Status{Status: p.Status.Status, Reason: p.Status.Reason}
	}
	var versions []wheel.Version
	for i := range p.Files {
		f := &p.Files[i]
		if _, denied := s.denied(p.Name, fileID{f.SHA256, f.Filename}); denied || !stored(f) {
			continue
		}
		out.Files = append(out.Files, listed(f))
		if v, err := wheel.ParseVersion(f.Version); err == nil {
			versions = append(versions, v)
		}
	}
	slices.SortFunc(versions, wheel.Version.Compare)
	for _, v := range versions {
		out.Versions = append(out.Versions, v.String())
	}
	out.Versions = slices.Compact(out.Versions)
	return out
}

func listed(f *index.File) simple.File {
	out := simple.File{
		Filename: f.Filename, URL: "../../files/" + f.SHA256 + "/" + url.PathEscape(f.Filename), SHA256: f.SHA256, Size: f.Size,
		RequiresPython: f.RequiresPython, UploadTime: f.UploadTime, Yanked: f.Yanked,
	}
	if f.Metadata != nil {
		out.MetadataSHA256 = f.Metadata.SHA256
	}
	return out
}
