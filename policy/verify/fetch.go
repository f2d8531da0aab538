package verify

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/policy"
)

// Each fetch gets this long plus what its size takes at the minimum rate, so
// that nobody can hold a verifier by sending a byte a minute.
const (
	fetchTime    = 30 * time.Second
	minimumRate  = 64 << 10 // bytes a second
	unknownBytes = 1 << 20  // of a tag's content, for the deadline
)

type referenceFetcher interface {
	FetchReference(ctx context.Context, reference string) (ocispec.Descriptor, io.ReadCloser, error)
}

type tagged struct {
	digest digest.Digest
	data   []byte
}

// fetchTag fetches what a tag points at and checks its digest. A tag that does
// not exist is the refusal missing.
func (v *Verifier) fetchTag(ctx context.Context, step int, missing policy.Code, tag, mediaType string, limit int64) (tagged, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime+unknownBytes/minimumRate*time.Second)
	defer cancel()
	desc, rc, err := v.open(ctx, tag)
	if err != nil {
		return tagged{}, unavailable(step, missing, "tag "+tag, err)
	}
	defer rc.Close()
	if desc.MediaType != mediaType {
		return tagged{}, policy.Refuse(step, policy.Malformed, "tag %s is a %q, not a %q", tag, desc.MediaType, mediaType)
	}
	if err := artifact.CheckDigest(desc.Digest); err != nil {
		return tagged{}, policy.Refuse(step, policy.Malformed, "tag %s: %v", tag, err)
	}
	data, err := readAll(rc, desc.Digest, limit, step, "tag "+tag)
	return tagged{desc.Digest, data}, err
}

// open opens the manifest that a tag or digest names.
func (v *Verifier) open(ctx context.Context, reference string) (ocispec.Descriptor, io.ReadCloser, error) {
	if rf, ok := v.Store.(referenceFetcher); ok {
		return rf.FetchReference(ctx, reference)
	}
	desc, err := v.Store.Resolve(ctx, reference)
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	rc, err := v.Store.Fetch(ctx, desc)
	return desc, rc, err
}

// fetchBlob fetches content by digest; a size of 0 is not known beforehand.
func (v *Verifier) fetchBlob(ctx context.Context, step int, missing policy.Code, mediaType string, b artifact.Blob, limit int64) ([]byte, error) {
	if b.Size > limit {
		return nil, policy.Refuse(step, policy.TooLarge, "%s is %d bytes, the limit is %d", b.Digest, b.Size, limit)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime+time.Duration(max(b.Size, unknownBytes)/minimumRate)*time.Second)
	defer cancel()
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: b.Digest, Size: b.Size}
	if b.Size == 0 {
		return v.fetchManifest(ctx, step, missing, desc, limit)
	}
	rc, err := v.Store.Fetch(ctx, desc)
	if err != nil {
		return nil, unavailable(step, missing, string(b.Digest), err)
	}
	defer rc.Close()
	// One byte more than announced is enough to know; the digest need not be.
	data, err := io.ReadAll(io.LimitReader(rc, b.Size+1))
	switch {
	case err != nil:
		return nil, unavailable(step, policy.Unavailable, string(b.Digest), err)
	case int64(len(data)) != b.Size:
		return nil, policy.Refuse(step, policy.WrongDigest, "%s has %d bytes or more, %d are announced", b.Digest, len(data), b.Size)
	}
	return data, checkDigest(data, b.Digest, step, string(b.Digest))
}

// fetchManifest fetches a manifest of which only the digest is known.
func (v *Verifier) fetchManifest(ctx context.Context, step int, missing policy.Code, want ocispec.Descriptor, limit int64) ([]byte, error) {
	what := string(want.Digest)
	desc, rc, err := v.open(ctx, what)
	if err != nil {
		return nil, unavailable(step, missing, what, err)
	}
	defer rc.Close()
	if desc.MediaType != want.MediaType {
		return nil, policy.Refuse(step, policy.Malformed, "%s is a %q, not a %q", what, desc.MediaType, want.MediaType)
	}
	return readAll(rc, want.Digest, limit, step, what)
}

func readAll(r io.Reader, want digest.Digest, limit int64, step int, what string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, unavailable(step, policy.Unavailable, what, err)
	}
	if int64(len(data)) > limit {
		return nil, policy.Refuse(step, policy.TooLarge, "%s is over %d bytes", what, limit)
	}
	return data, checkDigest(data, want, step, what)
}

func checkDigest(data []byte, want digest.Digest, step int, what string) error {
	if got := digest.FromBytes(data); got != want {
		return policy.Refuse(step, policy.WrongDigest, "%s: the content's digest is %s", what, got)
	}
	return nil
}

// unavailable turns a store's error into a refusal: missing if the store says
// that it has no such thing.
func unavailable(step int, missing policy.Code, what string, err error) error {
	code := policy.Unavailable
	if errors.Is(err, errdef.ErrNotFound) {
		code = missing
	}
	r := policy.Refuse(step, code, "%s", what)
	r.Err = err
	return r
}

// malformed turns a broken rule of the format into a refusal.
func malformed(step int, what string, err error) error {
	code := policy.Malformed
	var rule *artifact.Violation
	if errors.As(err, &rule) && rule.Rule == "too-large" {
		code = policy.TooLarge
	}
	r := policy.Refuse(step, code, "%s", what)
	r.Err = err
	return r
}

// Gunzip unpacks exactly one gzip member of at most limit bytes.
func Gunzip(data []byte, limit int64) ([]byte, error) {
	in := bytes.NewReader(data)
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	out, err := io.ReadAll(io.LimitReader(z, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(out)) > limit:
		return nil, artifact.Violates("too-large", "over %d bytes unpacked", limit)
	case in.Len() > 0:
		return nil, artifact.Violates("gzip", "%d bytes after the end", in.Len())
	}
	return out, nil
}
