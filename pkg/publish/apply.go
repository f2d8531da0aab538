package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// uploadsAtOnce is how many files are under way; the store bounds requests.
const uploadsAtOnce = 6

// emptyConfig is the config blob that every artifact names.
var emptyConfig = Object{MediaType: artifact.MediaTypeEmpty, Digest: artifact.EmptyConfigDigest, Size: artifact.EmptyConfigSize, Data: []byte(artifact.EmptyConfig)}

// Apply writes what the plan says: files, catalog, signature, the revision
// under its own tag, and last the candidate tag. It can be repeated after any
// failure and ends at the same digests. A [ConflictError] means that somebody
// else wrote since the plan was made; then no tag was moved. With a Lease, a
// [HeldError] means that somebody else writes.
func (p *Plan) Apply(ctx context.Context, s Store) error {
	name, err := index.ParseName(p.Name)
	if err != nil {
		return err
	}
	// A repository that holds a revision holds the empty config too. The first
	// write to a new repository goes alone.
	if p.Base == nil || p.Again {
		if err := push(ctx, s, emptyConfig); err != nil {
			return err
		}
	}
	t, err := takeTurn(ctx, s, name, p.Lease, p.Writer)
	if err != nil {
		return err
	}
	defer t.end(ctx)
	return p.apply(ctx, s, name, t)
}

// apply is Apply in the turn t.
func (p *Plan) apply(ctx context.Context, s Store, name index.Name, t *turn) error {
	revision, err := p.revision()
	if err != nil {
		return err
	}
	if p.Again {
		if err := p.checkStart(ctx, s, name); err != nil {
			return explain(ctx, s, name, err)
		}
	}
	g := newStage(s, name, t, p.Uploads)
	defer g.stop()
	if err := p.writeContent(ctx, s, g); err != nil {
		return err
	}
	if err := p.writeWheelSigs(ctx, s); err != nil {
		return err
	}
	if err := p.writeTags(ctx, s, name, revision, t); err != nil {
		return g.keep(ctx, explain(ctx, s, name, err))
	}
	g.drop(ctx)
	return nil
}

// writeTags is the part of a publication that others can see.
func (p *Plan) writeTags(ctx context.Context, s Store, name index.Name, revision Object, t *turn) error {
	if err := t.hold(ctx); err != nil {
		return err
	}
	// Uploads take time; whoever finds now that the plan is out of date has
	// left nothing behind that has a name.
	if err := p.checkStart(ctx, s, name); err != nil {
		return err
	}
	if err := moveTag(ctx, s, revision, name.RevisionTag(p.Serial), ""); err != nil {
		return err
	}
	if err := t.hold(ctx); err != nil {
		return err
	}
	return moveTag(ctx, s, revision, name.CandidateTag(), p.Candidate)
}

// checkStart finds out whether the tags are still where the plan began, or
// where it ends.
func (p *Plan) checkStart(ctx context.Context, s Store, name index.Name) error {
	have, err := resolve(ctx, s, name.CandidateTag())
	if err != nil {
		return err
	}
	if have != p.Candidate && have != p.Revision.Digest {
		return &ConflictError{Tag: name.CandidateTag(), Want: p.Candidate, Have: have}
	}
	if have, err = resolve(ctx, s, name.LiveTag()); err != nil {
		return err
	}
	if have != p.Live && have != p.Revision.Digest {
		return &ConflictError{Tag: name.LiveTag(), Want: p.Live, Have: have}
	}
	return nil
}

// revision rebuilds the index from the catalog that the plan carries.
func (p *Plan) revision() (Object, error) {
	decoded, err := decodedCatalog(p.Catalog)
	if err != nil {
		return Object{}, err
	}
	c, err := index.DecodeCatalog(decoded)
	if err != nil {
		return Object{}, input("plan: catalog: %v", err)
	}
	if c.Name().String() != p.Name || c.Serial != p.Serial || c.Previous != p.Live {
		return Object{}, input("plan: name, serial and live are not those of its catalog; plans must not be edited: plan again")
	}
	if err := checkAdmitted(c); err != nil {
		return Object{}, err
	}
	data, err := p.build(c)
	if err != nil {
		return Object{}, input("plan: %v", err)
	}
	o := newObject(artifact.MediaTypeIndex, data)
	if o.Digest != p.Revision.Digest {
		return Object{}, input("plan: revision %s does not follow from its catalog, which gives %s; plans must not be edited: plan again", p.Revision.Digest, o.Digest)
	}
	return o, nil
}

func (p *Plan) writeContent(ctx context.Context, s Store, stage *stage) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(uploadsAtOnce)
	for i := range p.Uploads {
		g.Go(func() error {
			err := p.Uploads[i].push(ctx, s, p.Again)
			if err == nil {
				stage.add(p.Uploads[i].File.Manifest)
			}
			return err
		})
	}
	g.Go(func() error { return pushArtifact(ctx, s, p.CatalogManifest, p.Catalog) })
	g.Go(func() error { return pushArtifact(ctx, s, p.SignatureManifest, p.Bundles...) })
	for _, child := range [][]Object{p.Facts, p.Evidence} {
		if n := len(child) - 1; n >= 0 {
			g.Go(func() error { return pushArtifact(ctx, s, child[n], child[:n]...) })
		}
	}
	return g.Wait()
}

// pushArtifact stores blobs and then the manifest that names them.
func pushArtifact(ctx context.Context, s Store, manifest Object, blobs ...Object) error {
	for _, b := range blobs {
		if err := push(ctx, s, b); err != nil {
			return err
		}
	}
	return push(ctx, s, manifest)
}

// push stores one file. A manifest that is there vouches for its blobs, which
// the registry checked when it took it; asking pays only when a plan is rerun.
func (u *Upload) push(ctx context.Context, s Store, again bool) error {
	manifest, err := fileManifest(&u.File)
	if err != nil {
		return input("plan: %v", err)
	}
	if manifest.blob() != u.File.Manifest {
		return input("plan: the manifest of %s is not %s; plans must not be edited: plan again", u.File.Filename, u.File.Manifest.Digest)
	}
	if again {
		if ok, err := s.Exists(ctx, manifest.descriptor()); err != nil || ok {
			return err
		}
	}
	if err := u.pushFile(ctx, s); err != nil {
		return fmt.Errorf("publish %s: %w", u.Path, err)
	}
	if u.File.Metadata != nil {
		if err := push(ctx, s, newObject(artifact.MediaTypeMetadata, u.Metadata)); err != nil {
			return err
		}
	}
	return push(ctx, s, manifest)
}

func (u *Upload) pushFile(ctx context.Context, s Store) error {
	f, err := os.Open(u.Path)
	if err != nil {
		return input("%v: it was there when it was planned", err)
	}
	defer f.Close()
	desc := Object{MediaType: artifact.MediaTypeWheel, Digest: artifact.HexDigest(u.File.SHA256), Size: u.File.Size}.descriptor()
	if u.File.PackageType == index.Sdist {
		desc.MediaType = artifact.MediaTypeSdist
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != u.File.Size {
		return input("the file has %d bytes, %d when it was planned: it has changed; plan again", info.Size(), u.File.Size)
	}
	err = s.Push(ctx, desc, f)
	if err == nil || errors.Is(err, errdef.ErrAlreadyExists) {
		return nil
	}
	if ctx.Err() == nil && changed(f, u.File.SHA256) {
		return input("the file is not the one that was planned (sha256 %s): it has changed; plan again", u.File.SHA256)
	}
	return err
}

// changed reads a file again to find out why a store refused it.
func changed(f io.ReadSeeker, sha256 string) bool {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false
	}
	d, err := digest.FromReader(f)
	return err == nil && d != artifact.HexDigest(sha256)
}

// createTag writes a tag that must not exist yet, or be there already with the
// same content.
func createTag(ctx context.Context, s Store, o Object, tag string) error {
	return moveTagOnce(ctx, s, o, tag, "")
}
