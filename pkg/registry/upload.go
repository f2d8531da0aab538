package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// MonolithicLimit is the size up to which a blob is sent in one PUT. Larger
// blobs are streamed with PATCH, so that a broken upload can go on.
const MonolithicLimit = 4 << 20

// Mounter makes a blob of another repository of the same place available in the
// store, without sending its bytes if the registry can do that. Where it can't,
// getContent opens the content that is then pushed; nil reads it from the other
// repository. Layouts and memory always push. The signature is that of
// oras-go's registry.Mounter.
type Mounter interface {
	Mount(ctx context.Context, desc ocispec.Descriptor, fromRepo string, getContent func() (io.ReadCloser, error)) error
}

// Mount implements [Mounter].
func (s *remoteStore) Mount(ctx context.Context, desc ocispec.Descriptor, fromRepo string, getContent func() (io.ReadCloser, error)) error {
	if getContent == nil {
		getContent = func() (io.ReadCloser, error) {
			from, err := openRemote(Reference{Registry: s.ref.Registry, Repository: fromRepo}, s.opts)
			if err != nil {
				return nil, err
			}
			return from.Fetch(ctx, desc)
		}
	}
	lazy := &lazyReader{open: getContent}
	defer lazy.Close()
	err := s.pushBlob(ctx, desc, lazy, fromRepo)
	return s.wrap("mount", desc.Digest.String(), err)
}

// lazyReader opens its content when it is first read: most mounts need none.
type lazyReader struct {
	open func() (io.ReadCloser, error)
	rc   io.ReadCloser
	err  error
}

func (l *lazyReader) Read(p []byte) (int, error) {
	if l.rc == nil && l.err == nil {
		l.rc, l.err = l.open()
	}
	if l.err != nil {
		return 0, l.err
	}
	return l.rc.Read(p)
}

func (l *lazyReader) Close() error {
	if l.rc == nil {
		return nil
	}
	return l.rc.Close()
}

// flights lets equal blobs that are pushed at the same time go over the wire
// once: wheels share their empty config, and registries have been seen to fail
// when one digest is completed twice at the same moment.
type flights struct {
	mu    sync.Mutex
	under map[digest.Digest]*flight
}

type flight struct {
	done chan struct{}
	err  error // read after done is closed
}

// join returns nil to the one who has to push, and else the flight to wait for.
func (f *flights) join(dgst digest.Digest) (other *flight, leave func(error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if other := f.under[dgst]; other != nil {
		return other, nil
	}
	if f.under == nil {
		f.under = make(map[digest.Digest]*flight)
	}
	mine := &flight{done: make(chan struct{})}
	f.under[dgst] = mine
	return nil, func(err error) {
		f.mu.Lock()
		delete(f.under, dgst)
		f.mu.Unlock()
		mine.err = err
		close(mine.done)
	}
}

// pushBlob stores one blob, from the repository named if it has it.
func (s *remoteStore) pushBlob(ctx context.Context, desc ocispec.Descriptor, r io.Reader, from string) (err error) {
	if err := desc.Digest.Validate(); err != nil {
		return fmt.Errorf("%w: %w", errdef.ErrInvalidDigest, err)
	}
	for {
		other, leave := s.flights.join(desc.Digest)
		if other == nil {
			defer func() { leave(err) }()
			break
		}
		select {
		case <-other.done:
			if other.err == nil {
				s.event(EventSkipped, desc, 0)
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	src, err := newSource(r, desc)
	if err != nil {
		return err
	}
	ctx = auth.AppendRepositoryScope(ctx, s.repo.Reference, auth.ActionPull, auth.ActionPush)
	return s.upload(ctx, desc, src, from)
}

// upload begins the upload of a blob as often as it takes.
func (s *remoteStore) upload(ctx context.Context, desc ocispec.Descriptor, src *source, from string) error {
	kind := EventMounted
	if from == "" || from == s.ref.Repository {
		from, kind = s.ref.Repository, EventSkipped
	}
	for failures := 1; ; failures++ {
		up, err := s.begin(ctx, desc, from)
		if err == nil && up == nil {
			s.event(kind, desc, 0)
			return nil
		}
		if err == nil {
			up.src, up.failures = src, failures
			err = up.run(ctx)
		}
		if err == nil {
			s.event(EventPushed, desc, desc.Size)
			return nil
		}
		if ctx.Err() != nil || failures >= s.opts.Retry.Attempts || !again(err) || !src.repeatable() {
			return err
		}
		wait, ok := s.opts.Retry.wait(err, failures)
		if !ok {
			return err
		}
		if err := s.opts.Retry.Sleep(ctx, wait); err != nil {
			return err
		}
		// Should the upload that seemed to fail have been completed, asking for
		// a mount from here finds it.
		from = s.ref.Repository
	}
}

// errRestart ends an upload that the registry no longer knows.
var errRestart = errors.New("the registry lost the upload")

// again tells whether another upload may cure err. A token that has run out is
// 401; one that never was good enough is found out by the next request.
func again(err error) bool {
	if isContent(err) {
		return false
	}
	if status := statusOf(err); status != 0 {
		return retriable(status) || status == http.StatusUnauthorized || status == http.StatusRequestedRangeNotSatisfiable
	}
	return errors.Is(err, errRestart) || (!permanent(err) && isTransport(err))
}

// begin starts an upload and asks for a mount with the same request, OCI
// distribution-spec 1.1.1 "mounting a blob from another repository". It returns
// nil if the blob is there.
func (s *remoteStore) begin(ctx context.Context, desc ocispec.Descriptor, from string) (*upload, error) {
	mounting := from != s.ref.Repository
	resp, err := s.post(s.pullScope(ctx, from), url.Values{"mount": {desc.Digest.String()}, "from": {from}})
	if err != nil {
		return nil, err
	}
	switch status := resp.StatusCode; {
	case status == http.StatusBadRequest, status == http.StatusNotFound, status == http.StatusMethodNotAllowed,
		mounting && (status == http.StatusUnauthorized || status == http.StatusForbidden):
		// The specification wants 202 from who can't mount; not all know.
		discard(resp.Body)
		if resp, err = s.post(ctx, nil); err != nil {
			return nil, err
		}
	}
	defer discard(resp.Body)
	switch resp.StatusCode {
	case http.StatusCreated:
		if got := resp.Header.Get("Docker-Content-Digest"); got != "" && got != desc.Digest.String() {
			return nil, fmt.Errorf("the registry mounted %s instead", got)
		}
		return nil, nil
	case http.StatusAccepted:
		up := &upload{store: s, desc: desc, auth: resp.Request.Header.Get("Authorization")}
		return up, up.follow(resp)
	}
	return nil, responseError(resp)
}

// pullScope asks for a token that can also read from another repository.
func (s *remoteStore) pullScope(ctx context.Context, repo string) context.Context {
	ref := s.repo.Reference
	ref.Repository = repo
	return auth.AppendRepositoryScope(ctx, ref, auth.ActionPull)
}

func (s *remoteStore) post(ctx context.Context, query url.Values) (*http.Response, error) {
	address := s.url("blobs", "uploads", "")
	if query != nil {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, nil)
	if err != nil {
		return nil, err
	}
	return s.client.Do(req)
}

func (s *remoteStore) event(kind EventKind, desc ocispec.Descriptor, bytes int64) {
	if s.opts.Progress != nil {
		s.opts.Progress(Event{Kind: kind, Desc: desc, Bytes: bytes})
	}
}
