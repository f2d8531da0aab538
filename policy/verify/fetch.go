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
	desc, rc, err := v.openTag(ctx, tag)
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

func (v *Verifier) openTag(ctx context.Context, tag string) (ocispec.Descriptor, io.ReadCloser, error) {
	if rf, ok := v.Store.(referenceFetcher); ok {
		return rf.FetchReference(ctx, tag)
	}
	desc, err := v.Store.Resolve(ctx, tag)
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
		var err error
		if desc, err = v.Store.Resolve(ctx, string(b.Digest)); err != nil {
			return nil, unavailable(step, missing, string(b.Digest), err)
		}
		if desc.MediaType != mediaType {
			return nil, policy.Refuse(step, policy.Malformed, "%s is a %q, not a %q", b.Digest, desc.MediaType, mediaType)
		}
		desc.Digest = b.Digest
	}
	rc, err := v.Store.Fetch(ctx, desc)
	if err != nil {
		return nil, unavailable(step, missing, string(b.Digest), err)
	}
	defer rc.Close()
	data, err := readAll(rc, b.Digest, limit, step, string(b.Digest))
	if err == nil && b.Size > 0 && int64(len(data)) != b.Size {
		return nil, policy.Refuse(step, policy.WrongDigest, "%s has %d bytes, %d are announced", b.Digest, len(data), b.Size)
	}
	return data, err
}

func readAll(r io.Reader, want digest.Digest, limit int64, step int, what string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, unavailable(step, policy.Unavailable, what, err)
	}
	if int64(len(data)) > limit {
		return nil, policy.Refuse(step, policy.TooLarge, "%s is over %d bytes", what, limit)
	}
	if got := digest.FromBytes(data); got != want {
		return nil, policy.Refuse(step, policy.WrongDigest, "%s: the content's digest is %s", what, got)
	}
	return data, nil
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
	r := policy.Refuse(step, policy.Malformed, "%s", what)
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
