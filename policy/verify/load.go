package verify

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy"
)

// Loaded is a revision whose bytes hold together; whether it may be served is
// another question. It is for programs that show or write.
type Loaded struct {
	Digest         digest.Digest
	Size           int64
	CatalogEntry   artifact.Blob
	SignatureEntry artifact.Blob
	Catalog        *index.Catalog
	CatalogSHA256  string
	// Keys of the policy's role release with a good embedded signature.
	Keys []*policy.Key
}

// Load fetches the revision that a tag or digest names and proves its
// integrity (steps 5 to 8 and 12): every digest, and that the index is what its
// catalog says. It does not ask who signed: look at Keys.
func (v *Verifier) Load(ctx context.Context, reference string) (*Loaded, error) {
	ref, err := v.fetchIndex(ctx, reference)
	if err != nil {
		return nil, err
	}
	f, err := v.full(ctx, ref)
	if err != nil {
		return nil, err
	}
	return &Loaded{
		Digest: f.digest, Size: int64(len(ref.data)), CatalogEntry: f.catalogEntry, SignatureEntry: f.signatureEntry,
		Catalog: f.catalog, CatalogSHA256: f.sha256, Keys: f.keys,
	}, nil
}

func (v *Verifier) fetchIndex(ctx context.Context, reference string) (tagged, error) {
	if artifact.CheckDigest(digest.Digest(reference)) != nil {
		return v.fetchTag(ctx, 1, policy.RevisionMissing, reference, artifact.MediaTypeIndex, index.MaxRevision)
	}
	d := digest.Digest(reference)
	data, err := v.fetchBlob(ctx, 5, policy.RevisionMissing, artifact.MediaTypeIndex, artifact.Blob{Digest: d}, index.MaxRevision)
	return tagged{d, data}, err
}

// loaded is an index with the catalog and the signatures that it embeds.
type loaded struct {
	catalogEntry   artifact.Blob
	signatureEntry artifact.Blob
	catalog        *index.Catalog
	sha256         string // of the decoded catalog
	keys           []*policy.Key
	ignored        int
}

// load runs steps 5 to 9 and 11 (but the target) on the bytes of an index,
// whose digest the caller has checked.
func (v *Verifier) load(ctx context.Context, data []byte) (*loaded, error) {
	entries, err := index.Decode(data)
	if err != nil {
		return nil, malformed(6, "index", err)
	}
	l := &loaded{catalogEntry: entries[0].Blob, signatureEntry: entries[1].Blob}
	if err := v.loadCatalog(ctx, l); err != nil {
		return nil, err
	}
	return l, v.loadSignatures(ctx, l)
}

func (v *Verifier) loadCatalog(ctx context.Context, l *loaded) error {
	data, err := v.fetchBlob(ctx, 7, policy.RevisionMissing, artifact.MediaTypeManifest, l.catalogEntry, artifact.MaxManifest)
	if err != nil {
		return err
	}
	m, err := artifact.Decode(data, artifact.TypeCatalog)
	if err != nil {
		return malformed(7, "catalog manifest", err)
	}
	layer := m.Layers[0]
	stored, err := v.fetchBlob(ctx, 7, policy.RevisionMissing, layer.MediaType, layer.Blob, index.MaxCatalog)
	if err != nil {
		return err
	}
	decoded := stored
	if layer.MediaType == artifact.MediaTypeCatalogGzip {
		if decoded, err = Gunzip(stored, index.MaxCatalog); err != nil {
			return malformed(7, "catalog", err)
		}
	}
	if l.catalog, err = index.DecodeCatalog(decoded); err != nil {
		return malformed(7, "catalog", err)
	}
	l.sha256 = digest.FromBytes(decoded).Encoded()
	return nil
}

func (v *Verifier) loadSignatures(ctx context.Context, l *loaded) error {
	data, err := v.fetchBlob(ctx, 8, policy.RevisionMissing, artifact.MediaTypeManifest, l.signatureEntry, artifact.MaxManifest)
	if err != nil {
		return err
	}
	m, err := artifact.Decode(data, artifact.TypeSignature)
	if err != nil {
		return malformed(8, "signature manifest", err)
	}
	want := index.Claims{
		Catalog: l.sha256, Epoch: l.catalog.Epoch, Issued: l.catalog.Issued,
		Name: l.catalog.Name().String(), Serial: l.catalog.Serial,
	}
	for _, layer := range m.Layers {
		signed, err := v.fetchBundle(ctx, 8, layer, v.Rules.KeysFor(policy.Release))
		if err != nil {
			return err
		}
		if signed.key == nil {
			l.ignored++
			continue
		}
		claims, err := index.DecodeClaims(signed.statement, l.catalogEntry.Digest)
		if err != nil || claims != want {
			l.ignored++
			continue
		}
		l.keys = append(l.keys, signed.key)
	}
	return nil
}

func (v *Verifier) subset(ctx context.Context) (*index.Subset, error) {
	tag, err := v.fetchTag(ctx, 1, policy.RevisionMissing, v.Rules.Name.SubsetTag(), artifact.MediaTypeManifest, artifact.MaxManifest)
	if err != nil {
		return nil, err
	}
	m, err := artifact.Decode(tag.data, artifact.TypeSubset)
	if err != nil {
		return nil, malformed(4, "subset", err)
	}
	data, err := v.fetchBlob(ctx, 4, policy.Unavailable, m.Layers[0].MediaType, m.Layers[0].Blob, artifact.MaxSubset)
	if err != nil {
		return nil, err
	}
	s, err := index.DecodeSubset(data)
	if err != nil {
		return nil, malformed(4, "subset", err)
	}
	return s, nil
}
