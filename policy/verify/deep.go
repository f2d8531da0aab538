package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/policy"
)

// Deep opens everything that a verified revision names: each manifest must be
// what the catalog says, each file must have its sha256 and pass the rules of
// package wheel, and the METADATA stored beside it must be the METADATA in it.
// The retired index must be what the catalog says. It returns how many
// artifacts were opened. Files of a subset that are not kept are passed over.
func (v *Verifier) Deep(ctx context.Context, r *Revision) (int, error) {
	keep := func(*index.File) bool { return true }
	if r.Subset != nil {
		keep = r.Subset.Keeps(r.Catalog)
	}
	n := 0
	for _, f := range r.Catalog.Files {
		if !keep(f) {
			continue
		}
		if err := v.deepFile(ctx, f); err != nil {
			return n, fmt.Errorf("%s: %w", f.Filename, err)
		}
		n++
	}
	if r.Subset != nil {
		return n, nil
	}
	for i := range r.Catalog.Retired {
		f := &r.Catalog.Retired[i].File
		if err := v.deepFile(ctx, f); err != nil {
			return n, fmt.Errorf("retired %s: %w", f.Filename, err)
		}
		n++
	}
	return n, v.checkRetired(ctx, r)
}

func (v *Verifier) deepFile(ctx context.Context, f *index.File) error {
	artifactType, fileType := artifact.TypeWheel, artifact.MediaTypeWheel
	if f.PackageType == index.Sdist {
		artifactType, fileType = artifact.TypeSdist, artifact.MediaTypeSdist
	}
	data, err := v.fetchBlob(ctx, 18, policy.RevisionMissing, artifact.MediaTypeManifest, f.Manifest, artifact.MaxPackManifest)
	if err != nil {
		return err
	}
	files, err := artifact.DecodeFiles(data, artifactType)
	if err != nil {
		return malformed(18, "manifest "+string(f.Manifest.Digest), err)
	}
	i := slices.IndexFunc(files, func(a artifact.File) bool { return a.Filename == f.Filename })
	if i < 0 || files[i].Blob != (artifact.Blob{Digest: artifact.HexDigest(f.SHA256), Size: f.Size}) || !sameMetadata(files[i].Metadata, f.Metadata) {
		return policy.Refuse(18, policy.IndexMismatch, "the manifest %s does not hold the file as the catalog has it", f.Manifest.Digest)
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
	rc, err := v.Store.Fetch(ctx, ocispec.Descriptor{MediaType: mediaType, Digest: artifact.HexDigest(f.SHA256), Size: f.Size})
	if err != nil {
		return nil, unavailable(18, policy.RevisionMissing, f.Filename, err)
	}
	defer rc.Close()
	n, err := io.Copy(tmp, io.LimitReader(rc, f.Size+1))
	if err != nil {
		return nil, unavailable(18, policy.Unavailable, f.Filename, err)
	}
	if n != f.Size {
		return nil, policy.Refuse(18, policy.WrongDigest, "%s has %d bytes or more, the catalog says %d", f.Filename, n, f.Size)
	}
	info, err := wheel.Inspect(ctx, tmp, n, f.Filename, wheel.Limits{})
	if err != nil {
		return nil, malformed(18, f.Filename, err)
	}
	if info.SHA256 != f.SHA256 {
		return nil, policy.Refuse(18, policy.WrongDigest, "%s has sha256 %s, the catalog says %s", f.Filename, info.SHA256, f.SHA256)
	}
	return info, nil
}

func (v *Verifier) compareMetadata(ctx context.Context, f *index.File, info *wheel.Info) error {
	if f.Metadata == nil {
		return nil
	}
	stored, err := v.fetchBlob(ctx, 18, policy.RevisionMissing, artifact.MediaTypeMetadata,
		artifact.Blob{Digest: artifact.HexDigest(f.Metadata.SHA256), Size: f.Metadata.Size}, artifact.MaxMetadata)
	if err != nil {
		return err
	}
	if string(stored) != string(info.Metadata) {
		return policy.Refuse(18, policy.IndexMismatch, "the METADATA stored for %s is not the one in it", f.Filename)
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
	desc, err := v.Store.Resolve(ctx, r.Catalog.Name().RetiredTag())
	if errors.Is(err, errdef.ErrNotFound) {
		return policy.Refuse(18, policy.IndexMismatch, "the tag %s is missing: locks on retired files may fail; copy it too", r.Catalog.Name().RetiredTag())
	}
	if err != nil {
		return err
	}
	if desc.Digest != digest.FromBytes(want) {
		return policy.Refuse(18, policy.IndexMismatch, "the tag %s is %s, not what the catalog says: %s", r.Catalog.Name().RetiredTag(), desc.Digest, digest.FromBytes(want))
	}
	return nil
}
