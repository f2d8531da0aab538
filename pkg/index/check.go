package index

import (
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// Bounds of strings in a catalog, in bytes.
const (
	MaxSummary = 2048
	MaxReason  = 1024
	MaxLicense = 1024
	maxShort   = 1024 // requires-python
)

// Statuses of PEP 792; "active" is written as no status.
var statuses = map[string]bool{"archived": true, "quarantined": true, "deprecated": true}

// Check holds the catalog against every rule of docs/format.md that does not
// need other documents.
func (c *Catalog) Check() error {
	if c.Format != FormatVersion {
		return artifact.Violates("format", "%d; this program reads %d", c.Format, FormatVersion)
	}
	if err := c.Name().Check(); err != nil {
		return err
	}
	if err := checkNumber("serial", c.Serial); err != nil {
		return err
	}
	if err := checkNumber("epoch", c.Epoch); err != nil {
		return err
	}
	if err := checkTime("issued", c.Issued); err != nil {
		return err
	}
	if err := checkOptionalDigest(c.Previous); err != nil {
		return err
	}
	if err := c.checkPointers(); err != nil {
		return err
	}
	if c.Target != nil {
		if err := c.Target.Check(); err != nil {
			return err
		}
	}
	return newChecker(c).run()
}

func (c *Catalog) checkPointers() error {
	if len(c.Ext) > 0 && c.Ext.Kind() != '{' {
		return artifact.Violates("ext", "not an object")
	}
	if c.Gates == nil {
		return nil
	}
	if c.Gates.Result != "pass" && c.Gates.Result != "fail" {
		return artifact.Violates("gates", "result %q", c.Gates.Result)
	}
	if c.Gates.Report != nil {
		if err := c.Gates.Report.Check(); err != nil {
			return err
		}
	}
	return checkOptionalDigest(c.Gates.Live)
}

// checker walks the files of a catalog once and remembers what must be unique
// or must agree.
type checker struct {
	catalog   *Catalog
	names     map[string]bool
	manifests map[digest.Digest]int64
	sizes     map[string]int64       // by sha256
	pointers  map[digest.Digest]bool // facts and evidence
}

func newChecker(c *Catalog) *checker {
	return &checker{catalog: c, names: map[string]bool{}, manifests: map[digest.Digest]int64{}, sizes: map[string]int64{}, pointers: map[digest.Digest]bool{}}
}

func (k *checker) run() error {
	if err := k.children(); err != nil {
		return err
	}
	last := ""
	for i := range k.catalog.Projects {
		p := &k.catalog.Projects[i]
		if p.Name <= last {
			return artifact.Violates("order", "project %q after %q", p.Name, last)
		}
		last = p.Name
		if err := k.project(p); err != nil {
			return err
		}
	}
	if err := k.retired(); err != nil {
		return err
	}
	return k.withdrawn()
}

// children checks facts and evidence, which are children of the revision like
// the manifests of files: none may be there twice.
func (k *checker) children() error {
	for _, b := range slices.Concat(k.catalog.Facts, k.catalog.Evidence) {
		if err := b.Check(); err != nil {
			return err
		}
		if k.pointers[b.Digest] {
			return artifact.Violates("duplicate-entry", "facts and evidence: %s", b.Digest)
		}
		k.pointers[b.Digest] = true
	}
	return nil
}

func (k *checker) project(p *Project) error {
	if len(p.Name) > artifact.MaxFilename || wheel.CheckName(p.Name) != nil || wheel.NormalizeName(p.Name) != p.Name {
		return artifact.Violates("project", "%q is not a normalised name of at most %d bytes", p.Name, artifact.MaxFilename)
	}
	if err := checkNumber("changed", p.Changed); err != nil {
		return err
	}
	if p.Changed > k.catalog.Serial {
		return artifact.Violates("changed", "project %s: %d is after serial %d", p.Name, p.Changed, k.catalog.Serial)
	}
	if p.Status != nil && !statuses[p.Status.Status] {
		return artifact.Violates("status", "project %s: %q", p.Name, p.Status.Status)
	}
	if p.Status != nil {
		if err := checkText("status", p.Status.Reason, MaxReason); err != nil {
			return err
		}
	}
	if err := checkText("summary", p.Summary, MaxSummary); err != nil {
		return err
	}
	if err := checkText("license", p.License, MaxLicense); err != nil {
		return err
	}
	last := ""
	for i := range p.Files {
		f := &p.Files[i]
		if f.Filename <= last {
			return artifact.Violates("order", "file %q after %q", f.Filename, last)
		}
		last = f.Filename
		if err := k.file(f, p.Name); err != nil {
			return err
		}
	}
	return nil
}

func (k *checker) retired() error {
	last := ""
	for i := range k.catalog.Retired {
		r := &k.catalog.Retired[i]
		if r.File.Filename <= last {
			return artifact.Violates("order", "retired file %q after %q", r.File.Filename, last)
		}
		last = r.File.Filename
		if err := k.file(&r.File, ""); err != nil {
			return err
		}
		if err := k.since(r.Since, last); err != nil {
			return err
		}
		if err := checkTime("at", r.At); err != nil {
			return err
		}
		if r.At.After(k.catalog.Issued) {
			return artifact.Violates("at", "%q: %s is after the catalog was issued", last, r.At.Format(time.RFC3339))
		}
	}
	return nil
}

func (k *checker) withdrawn() error {
	if err := checkWithdrawn(k.catalog.Withdrawn); err != nil {
		return err
	}
	for _, w := range k.catalog.Withdrawn {
		if err := k.since(w.Since, w.Filename); err != nil {
			return err
		}
		if k.names[w.Filename] {
			return artifact.Violates("withdrawn", "%q is also listed or retired", w.Filename)
		}
	}
	return nil
}

func (k *checker) since(since uint64, filename string) error {
	if since < 1 || since > k.catalog.Serial {
		return artifact.Violates("since", "%q: %d, the serial is %d", filename, since, k.catalog.Serial)
	}
	return nil
}

// file checks one file; project is "" where any will do.
func (k *checker) file(f *File, project string) error {
	if k.names[f.Filename] {
		return artifact.Violates("duplicate-filename", "%q", f.Filename)
	}
	k.names[f.Filename] = true
	if err := f.checkName(project); err != nil {
		return err
	}
	if err := f.checkContent(); err != nil {
		return err
	}
	if k.pointers[f.Manifest.Digest] {
		return artifact.Violates("duplicate-entry", "%q: its manifest %s is also facts or evidence", f.Filename, f.Manifest.Digest)
	}
	if size, ok := k.manifests[f.Manifest.Digest]; ok && size != f.Manifest.Size {
		return artifact.Violates("manifest", "%s has two sizes", f.Manifest.Digest)
	}
	k.manifests[f.Manifest.Digest] = f.Manifest.Size
	if size, ok := k.sizes[f.SHA256]; ok && size != f.Size {
		return artifact.Violates("size", "sha256 %s has two sizes", f.SHA256)
	}
	k.sizes[f.SHA256] = f.Size
	return nil
}

func (f *File) checkName(project string) error {
	if len(f.Filename) > artifact.MaxFilename {
		return artifact.Violates("filename", "%q is over %d bytes", f.Filename, artifact.MaxFilename)
	}
	var gotProject, version string
	switch f.PackageType {
	case Wheel:
		name, err := wheel.ParseFilename(f.Filename)
		if err != nil {
			return artifact.Violates("filename", "%v", err)
		}
		gotProject, version = name.Project, name.Version.String()
	case Sdist:
		name, err := wheel.ParseSdistFilename(f.Filename)
		if err != nil {
			return artifact.Violates("filename", "%v", err)
		}
		gotProject, version = name.Project, name.Version.String()
	default:
		return artifact.Violates("package-type", "%q: %q", f.Filename, f.PackageType)
	}
	if project != "" && gotProject != project {
		return artifact.Violates("project", "%q is listed under %s", f.Filename, project)
	}
	if version != f.Version {
		return artifact.Violates("version", "%q is listed as version %q", f.Filename, f.Version)
	}
	return nil
}

func (f *File) checkContent() error {
	if !artifact.IsSHA256(f.SHA256) {
		return artifact.Violates("sha256", "%q: %q", f.Filename, f.SHA256)
	}
	if f.Size < 1 || f.Size > artifact.MaxInteger {
		return artifact.Violates("size", "%q: %d", f.Filename, f.Size)
	}
	if err := f.Manifest.Check(); err != nil {
		return err
	}
	if f.Metadata == nil && f.PackageType == Wheel {
		return artifact.Violates("metadata", "%q has none", f.Filename)
	}
	if m := f.Metadata; m != nil && (!artifact.IsSHA256(m.SHA256) || m.Size < 1 || m.Size > artifact.MaxMetadata) {
		return artifact.Violates("metadata", "%q: sha256 %q, %d bytes", f.Filename, m.SHA256, m.Size)
	}
	if f.Provenance != nil {
		if err := f.Provenance.Check(); err != nil {
			return err
		}
	}
	if err := checkTime("upload-time", f.UploadTime); err != nil {
		return err
	}
	if f.Yanked != nil {
		if err := checkText("yanked", *f.Yanked, MaxReason); err != nil {
			return err
		}
	}
	return checkText("requires-python", f.RequiresPython, maxShort)
}

func checkWithdrawn(list []Withdrawn) error {
	last := Withdrawn{}
	for _, w := range list {
		if w.Filename < last.Filename || w.Filename == last.Filename && w.SHA256 <= last.SHA256 {
			return artifact.Violates("order", "withdrawn file %q after %q", w.Filename, last.Filename)
		}
		last = w
		if _, err := wheel.ParseAnyFilename(w.Filename); err != nil {
			return artifact.Violates("withdrawn", "%v", err)
		}
		if !artifact.IsSHA256(w.SHA256) {
			return artifact.Violates("withdrawn", "%q: sha256 %q", w.Filename, w.SHA256)
		}
		if err := checkNumber("withdrawn", w.Since); err != nil {
			return err
		}
		if err := checkText("withdrawn", w.Reason, MaxReason); err != nil {
			return err
		}
	}
	return nil
}

func checkNumber(rule string, n uint64) error {
	if n < 1 || n > artifact.MaxInteger {
		return artifact.Violates(rule, "%d is not in 1..2^53-1", n)
	}
	return nil
}

// checkTime wants UTC and whole seconds, so that a time has one spelling.
func checkTime(rule string, t time.Time) error {
	if _, offset := t.Zone(); offset != 0 || t.Nanosecond() != 0 || t.Year() < 2000 || t.Year() > 9999 {
		return artifact.Violates(rule, "%s is not a time in UTC and whole seconds, from the year 2000 on", t.Format(time.RFC3339Nano))
	}
	return nil
}

func checkOptionalDigest(d digest.Digest) error {
	if d == "" {
		return nil
	}
	return artifact.CheckDigest(d)
}

// checkText bounds a string and keeps control characters, which could forge
// lines in a terminal or a log, out of it.
func checkText(rule, s string, limit int) error {
	if len(s) > limit {
		return artifact.Violates(rule, "%d bytes, the limit is %d", len(s), limit)
	}
	if i := strings.IndexFunc(s, isControl); i >= 0 {
		return artifact.Violates(rule, "%q holds a control character", s)
	}
	return nil
}

func isControl(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029'
}
