package publish

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// Judge says whether a draft may become live; it is asked before the draft is
// sealed. An error is about judging, not about the draft.
type Judge func(ctx context.Context, d *Draft) (*Verdict, error)

// Draft is a revision that is about to be sealed, and what it is judged by.
type Draft struct {
	Candidate *index.Catalog
	// Live is what is live now, nil if nothing is.
	Live       *index.Catalog
	LiveDigest digest.Digest
	// Facts of every wheel that either of them lists.
	Facts   func(sha256 string) *facts.Wheel
	Exports func(ctx context.Context, sha256 string) (*facts.Exports, error)
	// Names are all file names used before, with their sha256.
	Names map[string]string
	// Rollback says that the contents were live before.
	Rollback bool
}

// Verdict is what a judge says.
type Verdict struct {
	Pass bool
	// Report is canonical JSON and is kept as evidence.
	Report []byte
}

// Results of gates, as the catalog has them.
const (
	resultPass = "pass"
	resultFail = "fail"
)

// judge reads the facts that are missing, has the draft judged, and makes
// facts, report and result parts of it. Without a judge the revision is ungated
// and says nothing of facts.
func (p *Plan) judge(ctx context.Context, s Store, st *start, c *index.Catalog, o Options, rollback bool) error {
	if o.Judge == nil {
		return nil
	}
	book, err := st.facts(ctx, s)
	if err != nil {
		return err
	}
	names := book.Names()
	for _, f := range o.Files {
		if err := book.Add(f.Info.Filename, f.Info.SHA256, f.Facts, f.Exports); err != nil {
			return input("publish %s: %v", f.Path, err)
		}
	}
	live := catalogOf(st.liveRev)
	if err := readFacts(ctx, s, book, p.Uploads, c, live); err != nil {
		return err
	}
	verdict, err := o.Judge(ctx, &Draft{
		Candidate: c, Live: live, LiveDigest: st.live, Facts: book.Wheel, Exports: book.Exports, Names: names, Rollback: rollback,
	})
	if err != nil {
		return fmt.Errorf("publish: gates: %w", err)
	}
	if err := p.keepFacts(book, c); err != nil {
		return err
	}
	return p.keepVerdict(verdict, c, st.live)
}

// newest is the revision with the highest serial of candidate and live, nil if
// there is none.
func (st *start) newest() *verify.Loaded {
	if c := st.candidateRev; c != nil && (st.liveRev == nil || c.Catalog.Serial > st.liveRev.Catalog.Serial) {
		return c
	}
	return st.liveRev
}

// facts loads what the newest revision knows. The ledger of names goes on from
// there even where the next revision is built on another base.
func (st *start) facts(ctx context.Context, s Store) (*facts.Book, error) {
	newest := st.newest()
	if newest == nil || len(newest.Catalog.Facts) == 0 {
		return facts.New(), nil
	}
	return facts.Load(ctx, s, newest.Catalog.Facts[0])
}

// readFacts reads the wheels that the book does not know: those that were
// published without facts, or before them. Each costs a download.
func readFacts(ctx context.Context, s Store, book *facts.Book, uploads []Upload, catalogs ...*index.Catalog) error {
	local := map[string]string{}
	for _, u := range uploads {
		local[u.File.SHA256] = u.Path
	}
	for _, c := range catalogs {
		if c == nil {
			continue
		}
		for _, f := range c.Files {
			if f.PackageType != index.Wheel || book.Wheel(f.SHA256) != nil {
				continue
			}
			w, e, err := readFactsOf(ctx, s, f, local[f.SHA256])
			if err == nil {
				err = book.Add(f.Filename, f.SHA256, w, e)
			}
			if err != nil {
				return fmt.Errorf("facts of %s: %w", f.Filename, err)
			}
		}
	}
	return nil
}

func readFactsOf(ctx context.Context, s Store, f *index.File, path string) (*facts.Wheel, *facts.Exports, error) {
	var file *os.File
	var err error
	if path != "" {
		file, err = os.Open(path)
	} else {
		file, err = spool(ctx, s, f)
	}
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	info, w, e, err := facts.Inspect(ctx, file, f.Size, f.Filename, wheel.Limits{}, "")
	if err == nil && info.SHA256 != f.SHA256 {
		err = fmt.Errorf("sha256 is %s, the catalog says %s", info.SHA256, f.SHA256)
	}
	return w, e, err
}

// spool copies a stored file to a temporary one without a name.
func spool(ctx context.Context, s Store, f *index.File) (*os.File, error) {
	rc, err := s.Fetch(ctx, ocispec.Descriptor{MediaType: artifact.MediaTypeWheel, Digest: artifact.HexDigest(f.SHA256), Size: f.Size})
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	tmp, err := os.CreateTemp("", "pinwheel-facts-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(tmp.Name()); err != nil {
		return nil, err
	}
	if _, err := io.Copy(tmp, io.LimitReader(rc, f.Size+1)); err != nil {
		tmp.Close()
		return nil, err
	}
	return tmp, nil
}

// keepFacts stores the book, without the facts of files that are neither listed
// nor retired any more.
func (p *Plan) keepFacts(book *facts.Book, c *index.Catalog) error {
	wanted := map[string]bool{}
	for _, f := range c.Files {
		wanted[f.SHA256] = true
	}
	for i := range c.Retired {
		wanted[c.Retired[i].File.SHA256] = true
	}
	manifest, blobs, err := book.Seal(func(sha256 string) bool { return wanted[sha256] })
	if err != nil || manifest.Digest == "" {
		return err
	}
	for _, o := range append(blobs, manifest) {
		p.Facts = append(p.Facts, Object{MediaType: o.MediaType, Digest: o.Digest, Size: o.Size, Data: o.Data})
	}
	c.Facts = []artifact.Blob{manifest.Blob()}
	return nil
}

func (p *Plan) keepVerdict(v *Verdict, c *index.Catalog, live digest.Digest) error {
	report := newObject(artifact.MediaTypeReport, v.Report)
	manifest, err := newManifest(artifact.Manifest{ArtifactType: artifact.TypeEvidence, Layers: []artifact.Layer{report.layer()}})
	if err != nil {
		return err
	}
	p.Evidence = []Object{report, manifest}
	blob := report.blob()
	c.Evidence = []artifact.Blob{manifest.blob()}
	c.Gates = &index.Gates{Live: live, Report: &blob, Result: resultFail}
	if v.Pass {
		c.Gates.Result = resultPass
	}
	return nil
}

// Report is the gates' report on the revision, nil if it is ungated.
func (p *Plan) Report() []byte {
	if len(p.Evidence) == 0 {
		return nil
	}
	return p.Evidence[0].Data
}
