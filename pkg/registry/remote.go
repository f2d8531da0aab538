package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

const (
	// MaxManifest bounds manifests and indexes, in bytes: what registries
	// commonly accept, and what OCI distribution-spec 1.1.1 asks them to.
	MaxManifest = 4 << 20

	// maxPages bounds the pages of tag and referrer lists.
	maxPages = 10_000
)

// remoteStore is a repository of a registry.
type remoteStore struct {
	ref         Reference
	opts        Options
	repo        *remote.Repository
	client      *auth.Client
	credentials *credentialSource
	flights     flights
}

var _ Store = (*remoteStore)(nil)

func openRemote(ref Reference, opts Options) (*remoteStore, error) {
	opts = opts.withDefaults()
	ref = ref.WithTag("")
	transport, err := newTransport(opts)
	if err != nil {
		return nil, &Error{Op: "open", Where: ref.Base(), Err: err}
	}
	credentials := newCredentialSource(ref, opts)
	client := &auth.Client{
		Client:     &http.Client{Transport: transport},
		Cache:      auth.NewCache(),
		Credential: credentials.get,
		ClientID:   opts.UserAgent,
	}
	client.SetUserAgent(opts.UserAgent)
	repo := &remote.Repository{
		Client:               client,
		Reference:            ref.oras(),
		PlainHTTP:            opts.PlainHTTP,
		TagListMaxPages:      maxPages,
		ReferrerListMaxPages: maxPages,
		MaxMetadataBytes:     MaxManifest,
	}
	// Says that nothing is to be written beside a manifest with a subject.
	if err := repo.SetReferrersCapability(true); err != nil {
		return nil, &Error{Op: "open", Where: ref.Base(), Err: err}
	}
	return &remoteStore{ref: ref, opts: opts, repo: repo, client: client, credentials: credentials}, nil
}

func (s *remoteStore) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	rc, err := s.repo.Fetch(ctx, desc)
	if err != nil {
		return nil, s.wrap("fetch", desc.Digest.String(), err)
	}
	return receiving(rc, desc, 0, s.opts.Progress), nil
}

func (s *remoteStore) FetchReference(ctx context.Context, reference string) (ocispec.Descriptor, io.ReadCloser, error) {
	desc, rc, err := s.repo.FetchReference(ctx, reference)
	if err != nil {
		return ocispec.Descriptor{}, nil, s.wrap("fetch", reference, err)
	}
	return desc, receiving(rc, desc, 0, s.opts.Progress), nil
}

func (s *remoteStore) Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	desc, err := s.repo.Resolve(ctx, reference)
	return desc, s.wrap("resolve", reference, err)
}

func (s *remoteStore) Exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	ok, err := s.repo.Exists(ctx, desc)
	return ok, s.wrap("look for", desc.Digest.String(), err)
}

func (s *remoteStore) Push(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	if isManifest(desc) {
		return s.pushManifest(ctx, desc, r, desc.Digest.String())
	}
	err := s.pushBlob(ctx, desc, r, s.opts.MountFrom)
	return s.wrap("push", desc.Digest.String(), err)
}

func (s *remoteStore) PushReference(ctx context.Context, desc ocispec.Descriptor, r io.Reader, tag string) error {
	if err := checkTag(tag); err != nil {
		return s.wrap("push", tag, err)
	}
	return s.pushManifest(ctx, desc, r, tag)
}

func (s *remoteStore) Tag(ctx context.Context, desc ocispec.Descriptor, tag string) error {
	if err := checkTag(tag); err != nil {
		return s.wrap("tag", tag, err)
	}
	if desc.Size > MaxManifest {
		return s.wrap("tag", tag, fmt.Errorf("%w: manifest of %d bytes", ErrTooLarge, desc.Size))
	}
	data, err := content.FetchAll(ctx, s.repo, desc)
	if err != nil {
		return s.wrap("tag", tag, fmt.Errorf("fetch %s: %w", desc.Digest, err))
	}
	return s.pushManifest(ctx, desc, bytes.NewReader(data), tag)
}

// pushManifest stores a manifest under a digest or a tag.
func (s *remoteStore) pushManifest(ctx context.Context, desc ocispec.Descriptor, r io.Reader, name string) error {
	if desc.Size > MaxManifest {
		return s.wrap("push", name, fmt.Errorf("%w: manifest of %d bytes, at most %d are possible", ErrTooLarge, desc.Size, MaxManifest))
	}
	data, err := content.ReadAll(r, desc)
	if err != nil {
		return s.wrap("push", name, &contentError{fmt.Errorf("read content: %w", err)})
	}
	for failures := 1; ; failures++ {
		err = s.repo.Manifests().PushReference(ctx, desc, bytes.NewReader(data), name)
		if err == nil || !unanswered(err) || ctx.Err() != nil {
			break
		}
		if s.landed(ctx, err, failures, func() (bool, error) {
			got, err := s.repo.Resolve(ctx, name)
			return err == nil && got.Digest == desc.Digest, err
		}) {
			err = nil
			break
		}
		if failures >= s.opts.Retry.Attempts || ctx.Err() != nil {
			break
		}
	}
	if err == nil && s.opts.Progress != nil {
		s.opts.Progress(Event{Kind: EventPushed, Desc: desc, Bytes: desc.Size})
	}
	return s.wrap("push", name, err)
}

// unanswered tells whether a request may have taken effect without our knowing.
func unanswered(err error) bool {
	var resp *errcode.ErrorResponse
	if errors.As(err, &resp) {
		return resp.StatusCode == http.StatusBadGateway || resp.StatusCode == http.StatusGatewayTimeout
	}
	return !permanent(err) && isTransport(err)
}

// landed waits and looks whether a request that got no answer took effect. A
// gateway that ran out of time has left the registry working: that is given
// longer, since doing the work again costs as much again.
func (s *remoteStore) landed(ctx context.Context, cause error, failures int, look func() (bool, error)) bool {
	looks, wait := 1, s.opts.Retry.backoff(failures)
	var resp *errcode.ErrorResponse
	if errors.As(cause, &resp) && resp.StatusCode == http.StatusGatewayTimeout {
		looks, wait = s.opts.Retry.Attempts-1, s.opts.Retry.Max
	}
	for range max(looks, 1) {
		if s.opts.Retry.Sleep(ctx, wait) != nil {
			return false
		}
		if ok, err := look(); ok {
			return true
		} else if err != nil && !errors.Is(err, errdef.ErrNotFound) {
			return false
		}
	}
	return false
}

// Untag removes a tag and leaves its manifest. Registries may refuse; the error
// then matches errdef.ErrUnsupported.
func (s *remoteStore) Untag(ctx context.Context, tag string) error {
	return s.wrap("untag", tag, s.untag(ctx, tag))
}

func (s *remoteStore) untag(ctx context.Context, tag string) error {
	if err := checkTag(tag); err != nil {
		return err
	}
	ctx = auth.AppendRepositoryScope(ctx, s.repo.Reference, auth.ActionPull, auth.ActionPush, auth.ActionDelete)
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, s.url("manifests", tag), nil)
	if err != nil {
		return err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer discard(resp.Body)
	switch resp.StatusCode {
	case http.StatusAccepted, http.StatusOK, http.StatusNoContent:
		return nil
	case http.StatusNotFound:
		return errdef.ErrNotFound
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return fmt.Errorf("%w: the registry does not delete tags: %w", errdef.ErrUnsupported, responseError(resp))
	}
	return responseError(resp)
}

// Tags lists the tags after last, in the order of the registry.
func (s *remoteStore) Tags(ctx context.Context, last string, fn func([]string) error) error {
	return s.wrap("list tags of", "", s.repo.Tags(ctx, last, fn))
}

// Referrers lists manifests that have desc as subject; the error matches
// errdef.ErrUnsupported where the registry does not have the API. It is not
// part of [Store], since layouts and memory do not keep referrers; whoever needs
// it asks a store for oras-go's registry.ReferrerLister.
func (s *remoteStore) Referrers(ctx context.Context, desc ocispec.Descriptor, artifactType string, fn func([]ocispec.Descriptor) error) error {
	return s.wrap("list referrers of", desc.Digest.String(), s.repo.Referrers(ctx, desc, artifactType, fn))
}

// HasReferrersAPI implements [ReferrersProber].
func (s *remoteStore) HasReferrersAPI(ctx context.Context, existing ocispec.Descriptor) (bool, error) {
	enough := errors.New("the first page is enough")
	err := s.repo.Referrers(ctx, existing, "", func([]ocispec.Descriptor) error { return enough })
	if err == nil || errors.Is(err, enough) {
		return true, nil
	}
	var resp *errcode.ErrorResponse
	if errors.As(err, &resp) {
		switch resp.StatusCode {
		case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
			return false, nil
		}
	}
	if errors.Is(err, errdef.ErrUnsupported) {
		return false, nil
	}
	return false, s.wrap("list referrers of", existing.Digest.String(), err)
}

// OpenRange implements [RangeOpener].
func (s *remoteStore) OpenRange(ctx context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error) {
	rc, err := s.openRange(ctx, desc, offset, length)
	if err != nil {
		return nil, s.wrap("fetch", desc.Digest.String(), err)
	}
	return receiving(rc, desc, offset, s.opts.Progress), nil
}

func (s *remoteStore) openRange(ctx context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error) {
	if err := checkRange(desc, offset, length); err != nil {
		return nil, err
	}
	if length == 0 {
		return http.NoBody, nil
	}
	ctx = auth.AppendRepositoryScope(ctx, s.repo.Reference, auth.ActionPull)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url("blobs", desc.Digest.String()), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	if err := toRange(resp, desc, offset); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, length), resp.Body}, nil
}

// toRange checks that the answer is the range asked for, or is the whole blob
// and read up to the range: Quay on local storage and others ignore Range.
func toRange(resp *http.Response, desc ocispec.Descriptor, offset int64) error {
	switch resp.StatusCode {
	case http.StatusPartialContent:
		var first, last, total int64
		given := resp.Header.Get("Content-Range")
		if _, err := fmt.Sscanf(given, "bytes %d-%d/%d", &first, &last, &total); err == nil && (first != offset || total != desc.Size) {
			return fmt.Errorf("the registry answered with the range %q of %d bytes", given, desc.Size)
		}
		return nil
	case http.StatusOK:
		if resp.ContentLength >= 0 && resp.ContentLength != desc.Size {
			return fmt.Errorf("the registry has %d bytes instead of %d", resp.ContentLength, desc.Size)
		}
		if _, err := io.CopyN(io.Discard, resp.Body, offset); err != nil {
			return fmt.Errorf("skip %d bytes: %w", offset, err)
		}
		return nil
	case http.StatusNotFound:
		return errdef.ErrNotFound
	}
	return responseError(resp)
}
