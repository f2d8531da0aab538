package registry

import (
	"context"
	"fmt"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	orasregistry "oras.land/oras-go/v2/registry"
)

// Store is one repository, layout or memory store. Its methods may be called
// concurrently. Errors of all methods are [*Error] values; missing content and
// tags match errdef.ErrNotFound, what a store cannot do errdef.ErrUnsupported.
//
//   - Fetch opens a blob or, by its media type, a manifest. The reader is an
//     io.Seeker where the store can do it.
//   - Exists is one HEAD in a registry.
//   - Push stores a blob or a manifest under its digest; it reads an io.ReaderAt
//     or io.ReadSeeker again if it must. Wrong size or digest is an error and
//     stores nothing.
//   - Resolve, FetchReference, PushReference and Tag take a tag; Resolve and
//     FetchReference also a digest.
//   - Tags lists all tags after last in lexical order, page by page.
//   - Mount makes a blob of another repository available, see [Mounter].
type Store interface {
	content.Storage
	content.TagResolver
	content.Untagger
	orasregistry.ReferenceFetcher
	orasregistry.ReferencePusher
	orasregistry.TagLister
	orasregistry.Mounter
	RangeOpener
	ReferrersProber
}

// RangeOpener reads a part of a blob.
type RangeOpener interface {
	// OpenRange opens length bytes of the blob from offset on. The range must
	// lie within desc.Size. A registry that ignores ranges is read and
	// discarded up to offset.
	OpenRange(ctx context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error)
}

// ReferrersProber tells whether manifests with a subject can be found again.
type ReferrersProber interface {
	// HasReferrersAPI asks for the referrers of an existing manifest
	// (OCI distribution-spec 1.1.1 "listing referrers"). Asking for one that
	// does not exist has no meaning: some registries answer 400.
	// OCI-Subject headers are not looked at, since some registries that have
	// the API do not send them and some without it do.
	HasReferrersAPI(ctx context.Context, existing ocispec.Descriptor) (bool, error)
}

// Open opens the place that ref names; tag and digest of ref are not looked at.
// A registry is not contacted before the first use of the store. A layout must
// exist unless [Options.CreateLayout] is set.
func Open(ctx context.Context, ref Reference, opts Options) (Store, error) {
	switch ref.Kind {
	case KindLayout:
		return openLayout(ctx, ref, opts)
	case KindRemote:
		return openRemote(ref, opts)
	default:
		return nil, fmt.Errorf("open %+v: unknown kind of reference", ref)
	}
}

// checkRange refuses ranges outside of the blob.
func checkRange(desc ocispec.Descriptor, offset, length int64) error {
	if offset < 0 || length < 0 || offset > desc.Size || length > desc.Size-offset {
		return fmt.Errorf("range of %d bytes from %d is outside of %d bytes", length, offset, desc.Size)
	}
	return nil
}

// isManifest tells by media type what lies under /manifests/ and not under
// /blobs/ in a registry.
func isManifest(desc ocispec.Descriptor) bool {
	switch desc.MediaType {
	case ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex,
		"application/vnd.docker.distribution.manifest.v2+json",
		"application/vnd.docker.distribution.manifest.list.v2+json",
		"application/vnd.oci.artifact.manifest.v1+json":
		return true
	}
	return false
}
