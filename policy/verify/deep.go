package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/policy"
)

// deepAtOnce is how many files are opened at a time: enough to keep a registry
// and a processor busy. Each lies in a temporary file while it is open.
const deepAtOnce = 3

// deepStep stands in refusals for what comes after the steps of a verification.
const deepStep = 18

// Deep opens everything that a verified revision names: each manifest must be
// what the catalog says, each file must have its sha256 and pass the rules of
// package wheel, and the METADATA stored beside it must be the METADATA in it.
// Facts, evidence and the retired index must be there, layers included, with
// the bytes that the catalog names, and the gates' report must be among the
// evidence; what they say is not read.
// It returns how many artifacts were opened. Files of a subset that are not
// kept are passed over, and so is what a subset never has: retired files.
func (v *Verifier) Deep(ctx context.Context, r *Revision) (int, error) {
	keep := func(*index.File) bool { return true }
	if r.Subset != nil {
		keep = r.Subset.Keeps(r.Catalog)
	}
	var opened atomic.Int64
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(deepAtOnce)
	open := func(what string, check func(context.Context) error) {
		g.Go(func() error {
			if gctx.Err() != nil {
				return gctx.Err()
			}
			if err := check(gctx); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			opened.Add(1)
			return nil
		})
	}
	for _, b := range r.Catalog.Facts {
		open("facts "+string(b.Digest), func(ctx context.Context) error {
			_, err := v.deepChild(ctx, b, artifact.TypeFacts)
			return err
		})
	}
	if len(r.Catalog.Evidence) > 0 || r.Catalog.Gates != nil {
		open("evidence", func(ctx context.Context) error { return v.deepEvidence(ctx, r) })
	}
	for _, f := range r.Catalog.Files {
		if keep(f) {
			open(f.Filename, func(ctx context.Context) error { return v.deepFile(ctx, f) })
		}
	}
	if r.Subset == nil {
		for i := range r.Catalog.Retired {
			f := &r.Catalog.Retired[i].File
			open("retired "+f.Filename, func(ctx context.Context) error { return v.deepFile(ctx, f) })
		}
	}
	if err := g.Wait(); err != nil || r.Subset != nil {
		return int(opened.Load()), err
	}
	return int(opened.Load()), v.checkRetired(ctx, r)
}

func (v *Verifier) deepFile(ctx context.Context, f *index.File) error {
	artifactType, fileType := artifact.TypeWheel, artifact.MediaTypeWheel
	if f.PackageType == index.Sdist {
		artifactType, fileType = artifact.TypeSdist, artifact.MediaTypeSdist
	}
	data, err := v.fetchBlob(ctx, deepStep, policy.RevisionMissing, artifact.MediaTypeManifest, f.Manifest, artifact.MaxPackManifest)
	if err != nil {
		return err
	}
	files, err := artifact.DecodeFiles(data, artifactType)
	if err != nil {
		return malformed(deepStep, "manifest "+string(f.Manifest.Digest), err)
	}
	i := slices.IndexFunc(files, func(a artifact.File) bool { return a.Filename == f.Filename })
	if i < 0 || files[i].Blob != (artifact.Blob{Digest: artifact.HexDigest(f.SHA256), Size: f.Size}) || !sameMetadata(files[i].Metadata, f.Metadata) {
		return policy.Refuse(deepStep, policy.IndexMismatch, "the manifest %s does not hold the file as the catalog has it", f.Manifest.Digest)
	}
	info, err := v.inspect(ctx, f, fileType)
	if err != nil {
		return err
	}
	return v.compareMetadata(ctx, f, info)
}

func sameMetadata(b *artifact.Blob, h *index.Hash) bool {
	if b == nil || h == nil {
		return b == nil && h == nil
	}
	return b.Digest == artifact.HexDigest(h.SHA256) && b.Size == h.Size
}

// inspect spools the file, because reading an archive needs seeking.
func (v *Verifier) inspect(ctx context.Context, f *index.File, mediaType string) (*wheel.Info, error) {
	tmp, err := os.CreateTemp("", "pinwheel-verify-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	if err := v.spool(ctx, tmp, f, mediaType); err != nil {
		return nil, err
	}
	info, err := wheel.Inspect(ctx, tmp, f.Size, f.Filename, wheel.Limits{}, nil)
	if err != nil {
		return nil, malformed(deepStep, f.Filename, err)
	}
	if info.SHA256 != f.SHA256 {
		return nil, policy.Refuse(deepStep, policy.WrongDigest, "%s has sha256 %s, the catalog says %s", f.Filename, info.SHA256, f.SHA256)
	}
	return info, nil
}

// spool copies the file's bytes to w and checks their number and hash before
// anything is made of them.
func (v *Verifier) spool(ctx context.Context, w io.Writer, f *index.File, mediaType string) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTime+time.Duration(f.Size/minimumRate)*time.Second)
	defer cancel()
	rc, err := v.Store.Fetch(ctx, ocispec.Descriptor{MediaType: mediaType, Digest: artifact.HexDigest(f.SHA256), Size: f.Size})
	if err != nil {
		return unavailable(deepStep, policy.RevisionMissing, f.Filename, err)
	}
	defer rc.Close()
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, hash), io.LimitReader(rc, f.Size+1))
	if err != nil {
		return unavailable(deepStep, policy.Unavailable, f.Filename, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); n != f.Size || got != f.SHA256 {
		return policy.Refuse(deepStep, policy.WrongDigest, "%s has %d bytes or more and sha256 %s, the catalog says %d and %s", f.Filename, n, got, f.Size, f.SHA256)
	}
	return nil
}

func (v *Verifier) compareMetadata(ctx context.Context, f *index.File, info *wheel.Info) error {
	if f.Metadata == nil {
		return nil
	}
	stored, err := v.fetchBlob(ctx, deepStep, policy.RevisionMissing, artifact.MediaTypeMetadata,
		artifact.Blob{Digest: artifact.HexDigest(f.Metadata.SHA256), Size: f.Metadata.Size}, artifact.MaxMetadata)
	if err != nil {
		return err
	}
	if string(stored) != string(info.Metadata) {
		return policy.Refuse(deepStep, policy.IndexMismatch, "the METADATA stored for %s is not the one in it", f.Filename)
	}
	return nil
}

// checkRetired compares the retired index with the catalog. Only what is live
// has one; a mirror that left it out is told so.
func (v *Verifier) checkRetired(ctx context.Context, r *Revision) error {
	want, err := index.BuildRetired(r.Catalog)
	if err != nil || want == nil || r.Kind != policy.Live {
		return err
	}
	name := r.Catalog.Name().RetiredTag()
	got, err := v.fetchTag(ctx, deepStep, policy.IndexMismatch, name, artifact.MediaTypeIndex, index.MaxRevision)
	if errors.Is(err, errdef.ErrNotFound) {
		return policy.Refuse(deepStep, policy.IndexMismatch, "the tag %s is missing: locks on retired files may fail; copy it too", name)
	}
	if err != nil {
		return err
	}
	if got.digest != digest.FromBytes(want) {
		return policy.Refuse(deepStep, policy.IndexMismatch, "the tag %s is %s, not what the catalog says: %s", name, got.digest, digest.FromBytes(want))
	}
	return nil
}
