package publish

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// draft grows a catalog from a base and new files.
type draft struct {
	catalog  *index.Catalog
	projects map[string]*index.Project
	touched  map[string]bool
	wheels   map[string][]knownWheel // by project
	skipped  []string                // file names that a higher build tag supersedes
	uploads  []Upload
}

func newDraft(st *start, o Options) (*draft, error) {
	issued := o.Now.UTC().Truncate(1e9)
	d := &draft{projects: map[string]*index.Project{}, touched: map[string]bool{}}
	d.catalog = &index.Catalog{
		Format: index.FormatVersion, Product: o.Name.Product, Series: o.Name.Series, Variant: o.Name.Variant,
		Serial: st.serial, Epoch: max(o.Epoch, 1), Issued: issued, Previous: st.live, Target: o.Target,
	}
	if err := d.takeBase(st, o); err != nil {
		return nil, err
	}
	d.takeWithdrawn(st)
	known := knownFiles(st)
	d.group(known)
	for _, s := range o.Remove {
		if err := d.remove(s, known); err != nil {
			return nil, err
		}
	}
	for _, f := range o.Files {
		if err := d.add(f, known); err != nil {
			return nil, err
		}
	}
	if o.Replace {
		d.replaceBuilds(o.Files)
	}
	if err := d.edit(st, o); err != nil {
		return nil, err
	}
	d.finish()
	d.retire(st)
	d.expire(o.Retention)
	return d, d.checkTarget()
}

// takeBase starts with what the base lists.
func (d *draft) takeBase(st *start, o Options) error {
	if st.base == nil {
		// What the index is for does not depend on the files that it lists.
		if before := catalogOf(st.newest()); before != nil && o.Target == nil {
			d.catalog.Target = before.Target
		}
		return nil
	}
	base := st.base.Catalog
	if o.Epoch == 0 {
		d.catalog.Epoch = base.Epoch
	}
	if st.rollback {
		d.catalog.Epoch = max(d.catalog.Epoch, st.liveRev.Catalog.Epoch)
	}
	if d.catalog.Epoch < base.Epoch {
		return input("publish: epoch %d is below the base's %d", d.catalog.Epoch, base.Epoch)
	}
	if o.Target == nil {
		d.catalog.Target = base.Target
	}
	d.catalog.Ext = base.Ext
	for i := range base.Projects {
		p := base.Projects[i]
		p.Files = slices.Clone(p.Files)
		d.projects[p.Name] = &p
	}
	if st.rollback {
		d.keepQuarantine(st.liveRev.Catalog)
		d.dateFrom(st.liveRev.Catalog)
	}
	return nil
}

// keepQuarantine leaves projects that are quarantined in live so: like what is
// withdrawn, they were taken from users for cause.
func (d *draft) keepQuarantine(live *index.Catalog) {
	for i := range live.Projects {
		now := &live.Projects[i]
		if p := d.projects[now.Name]; p != nil && now.Status != nil && now.Status.Status == StatusQuarantined {
			p.Status = now.Status
		}
	}
}

// dateFrom leaves projects that are as they are in live unchanged and marks all
// others: when a project changed never goes back.
func (d *draft) dateFrom(live *index.Catalog) {
	same := map[string]uint64{}
	for i := range live.Projects {
		p := live.Projects[i]
		if old := d.projects[p.Name]; old != nil {
			changed := p.Changed
			p.Changed = old.Changed
			if sameJSON(&p, old) {
				same[p.Name] = changed
			}
		}
	}
	for name, p := range d.projects {
		if changed, ok := same[name]; ok {
			p.Changed = changed
		} else {
			d.touched[name] = true
		}
	}
}

func sameJSON(a, b any) bool {
	x, errX := strictjson.Marshal(a)
	y, errY := strictjson.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// knownFiles are all files that the base or live lists, retired or withdrew: a
// name never changes its bytes.
func knownFiles(st *start) map[string]index.File {
	known := map[string]index.File{}
	for _, l := range []*index.Catalog{catalogOf(st.liveRev), catalogOf(st.base)} {
		if l == nil {
			continue
		}
		for i := range l.Retired {
			known[l.Retired[i].File.Filename] = l.Retired[i].File
		}
		for _, f := range l.Files {
			known[f.Filename] = *f
		}
	}
	return known
}

func catalogOf(l *verify.Loaded) *index.Catalog {
	if l == nil {
		return nil
	}
	return l.Catalog
}

func (d *draft) add(c Candidate, known map[string]index.File) error {
	info := c.Info
	old, exists := known[info.Filename]
	if exists && old.SHA256 != info.SHA256 {
		return input("publish %s: the index has a file of that name with other bytes (sha256 %s there, %s here): a name never changes its bytes; rebuild with a higher build tag", c.Path, old.SHA256, info.SHA256)
	}
	for _, w := range d.catalog.Withdrawn {
		if w.SHA256 == info.SHA256 || w.Filename == info.Filename {
			return input("publish %s: %s was withdrawn (%s); build and publish it under a higher version or build tag", c.Path, w.Filename, w.Reason)
		}
	}
	p := d.project(info.Project)
	if err := checkOpen(p, c.Path); err != nil {
		return err
	}
	if err := d.checkSpelling(c); err != nil {
		return err
	}
	if i, listed := findFile(p.Files, info.Filename); listed {
		if p.Files[i].SHA256 != info.SHA256 {
			return input("publish %s: two files of that name with different bytes (sha256 %s and %s): a name never changes its bytes; take one out", c.Path, p.Files[i].SHA256, info.SHA256)
		}
		return nil
	}
	f, err := newFile(info, d.catalog)
	if err != nil {
		return fmt.Errorf("publish %s: %w", c.Path, err)
	}
	if exists {
		f = old
	}
	i, _ := findFile(p.Files, f.Filename)
	p.Files = slices.Insert(p.Files, i, f)
	d.touched[p.Name] = true
	d.describe(p, info)
	if !exists {
		d.uploads = append(d.uploads, Upload{Path: c.Path, File: f, Metadata: info.Metadata})
	}
	return nil
}

func (d *draft) project(name string) *index.Project {
	p := d.projects[name]
	if p == nil {
		p = &index.Project{Name: name}
		d.projects[name] = p
	}
	return p
}

func findFile(files []index.File, filename string) (int, bool) {
	return slices.BinarySearchFunc(files, filename, func(f index.File, name string) int { return strings.Compare(f.Filename, name) })
}

func newFile(info *wheel.Info, c *index.Catalog) (index.File, error) {
	f := index.File{
		Filename: info.Filename, PackageType: info.PackageType, Version: info.Version.String(), SHA256: info.SHA256, Size: info.Size,
		RequiresPython: info.RequiresPython, UploadTime: c.Issued,
	}
	if info.Metadata != nil {
		f.Metadata = &index.Hash{SHA256: info.MetadataSHA256, Size: int64(len(info.Metadata))}
	}
	o, err := fileManifest(&f)
	if err != nil {
		return f, err
	}
	f.Manifest = o.blob()
	return f, nil
}

// fileManifest returns the artifact that holds one file.
func fileManifest(f *index.File) (Object, error) {
	file := artifact.File{Filename: f.Filename, Blob: artifact.Blob{Digest: artifact.HexDigest(f.SHA256), Size: f.Size}}
	if f.Metadata != nil {
		file.Metadata = &artifact.Blob{Digest: artifact.HexDigest(f.Metadata.SHA256), Size: f.Metadata.Size}
	}
	m, err := artifact.FileManifest(file)
	if err != nil {
		return Object{}, err
	}
	return newManifest(m)
}

// describe takes summary and licence from the newest version of a project.
func (d *draft) describe(p *index.Project, info *wheel.Info) {
	for _, f := range p.Files {
		if v, err := wheel.ParseVersion(f.Version); err == nil && info.Version.Compare(v) < 0 {
			return
		}
	}
	p.Summary, p.License = clean(info.Summary, index.MaxSummary), clean(info.License, index.MaxLicense)
}

// clean makes one bounded line of free text: metadata may hold anything.
func clean(s string, limit int) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError
	}), " ")
	for len(s) > limit {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

// finish puts the projects in order and dates those that changed.
func (d *draft) finish() {
	for name, p := range d.projects {
		if len(p.Files) == 0 && p.Status == nil {
			continue
		}
		if d.touched[name] {
			p.Changed = d.catalog.Serial
		}
		d.catalog.Projects = append(d.catalog.Projects, *p)
	}
	slices.SortFunc(d.catalog.Projects, func(a, b index.Project) int { return strings.Compare(a.Name, b.Name) })
}

// retire keeps whatever live lists or retired and this revision does not list,
// so that locks made from live keep working.
func (d *draft) retire(st *start) {
	listed := map[string]bool{}
	for _, f := range d.catalog.Files {
		listed[f.Filename] = true
	}
	gone := map[string]index.RetiredFile{}
	if live := catalogOf(st.liveRev); live != nil {
		for _, f := range live.Files {
			gone[f.Filename] = index.RetiredFile{File: *f, Since: d.catalog.Serial, At: d.catalog.Issued}
		}
		for _, r := range live.Retired {
			gone[r.File.Filename] = r
		}
	}
	if base := catalogOf(st.base); base != nil && !st.rollback {
		for _, r := range base.Retired {
			// While live still lists a file, its time has not begun.
			if old, ok := gone[r.File.Filename]; ok && old.Since < d.catalog.Serial {
				gone[r.File.Filename] = r
			}
		}
	}
	for name, r := range gone {
		if !listed[name] && !d.isWithdrawn(name) {
			d.catalog.Retired = append(d.catalog.Retired, r)
		}
	}
	slices.SortFunc(d.catalog.Retired, func(a, b index.RetiredFile) int { return strings.Compare(a.File.Filename, b.File.Filename) })
}

// expire drops files that have been retired for longer than retention; 0 keeps
// them all.
func (d *draft) expire(retention time.Duration) {
	if retention > 0 {
		oldest := d.catalog.Issued.Add(-retention)
		d.catalog.Retired = slices.DeleteFunc(d.catalog.Retired, func(r index.RetiredFile) bool { return r.At.Before(oldest) })
	}
}

func (d *draft) checkTarget() error {
	if d.catalog.Target == nil {
		return nil
	}
	return d.catalog.Target.Check()
}

// maxNamed is how many files an error names.
const maxNamed = 10

// checkAdmitted wants every listed file to be within the target. The gates say
// so too, but whatever they are told to let pass, readers would refuse the whole
// revision for it.
func checkAdmitted(c *index.Catalog) error {
	var outside []string
	for _, f := range c.Files {
		if !c.Target.Admits(f) {
			outside = append(outside, f.Filename)
		}
	}
	if n := len(outside); n > maxNamed {
		outside = append(outside[:maxNamed], fmt.Sprintf("and %d more", n-maxNamed))
	}
	if len(outside) > 0 {
		return input("publish %s: no environment of the index's target can install it; take it out, or widen the target with --target FILE", strings.Join(outside, ", "))
	}
	return nil
}
