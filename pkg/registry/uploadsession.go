package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// upload is one upload session of a registry, OCI distribution-spec 1.1.1
// "pushing blobs".
type upload struct {
	store    *remoteStore
	desc     ocispec.Descriptor
	src      *source
	location *url.URL
	auth     string // Authorization that the last request was sent with
	offset   int64  // how much the registry has
	failures int    // of uploads of this blob so far, and one
}

// run sends the blob. The error tells by again whether another session may help.
func (u *upload) run(ctx context.Context) error {
	if u.desc.Size <= MonolithicLimit {
		return u.complete(ctx, u.src.from, u.desc.Size)
	}
	var cause error
	for failures := 1; u.offset < u.desc.Size; failures++ {
		before := u.offset
		err := u.patch(ctx)
		if err == nil {
			continue
		}
		if cause != nil && errors.Is(err, errNotRepeatable) {
			return fmt.Errorf("%w; %w", cause, errNotRepeatable)
		}
		cause = err
		if ctx.Err() != nil || !again(err) || failures >= u.store.opts.Retry.Attempts {
			return err
		}
		wait, ok := u.store.opts.Retry.wait(err, failures)
		if !ok {
			return err
		}
		if err := u.store.opts.Retry.Sleep(ctx, wait); err != nil {
			return err
		}
		if err := u.status(ctx); err != nil {
			return err
		}
		if u.offset > before {
			// Attempts bound the failures in a row: a large file on a bad line
			// gets through as long as it moves.
			failures = 0
		}
	}
	if err := u.src.ended(); err != nil {
		return err
	}
	err := u.complete(ctx, nil, 0)
	if statusOf(err) == http.StatusUnauthorized {
		// The token ran out while the blob was sent. Asking for the status
		// gets another one; sending the blob again would end here again.
		if err := u.status(ctx); err != nil {
			return err
		}
		return u.complete(ctx, nil, 0)
	}
	return err
}

// patch streams the rest of the blob.
func (u *upload) patch(ctx context.Context) error {
	body, err := u.src.from(u.offset)
	if err != nil {
		return err
	}
	resp, err := u.send(ctx, http.MethodPatch, u.location, u.tracked(body, u.offset), u.desc.Size-u.offset,
		"Content-Range", fmt.Sprintf("%d-%d", u.offset, u.desc.Size-1))
	if err != nil {
		return err
	}
	defer discard(resp.Body)
	if resp.StatusCode != http.StatusAccepted {
		return responseError(resp)
	}
	before := u.offset
	u.offset = u.desc.Size
	if err := u.follow(resp); err != nil {
		return err
	}
	if u.offset <= before {
		// Accepted, yet nothing gained: the digest will tell who is right.
		u.offset = u.desc.Size
	}
	return nil
}

// complete ends the upload, with the whole blob as body if open is given.
func (u *upload) complete(ctx context.Context, open func(int64) (io.Reader, error), size int64) error {
	location := *u.location
	query := location.Query()
	query.Set("digest", u.desc.Digest.String())
	location.RawQuery = query.Encode()
	var body io.Reader
	if open != nil && size > 0 {
		r, err := open(0)
		if err != nil {
			return err
		}
		body = u.tracked(r, 0)
	}
	resp, err := u.send(ctx, http.MethodPut, &location, body, size)
	if err == nil {
		defer discard(resp.Body)
		if resp.StatusCode == http.StatusCreated {
			return nil
		}
		err = responseError(resp)
	}
	// The last step of a large blob may take a registry long: not to be sent
	// again before looking.
	if open == nil && unanswered(err) && ctx.Err() == nil && u.store.landed(ctx, err, u.failures, func() (bool, error) {
		return u.store.repo.Blobs().Exists(ctx, u.desc)
	}) {
		return nil
	}
	return err
}

// status asks the registry how much it has. What it no longer knows is
// errRestart.
func (u *upload) status(ctx context.Context) error {
	// Without u.auth, so that a token that has run out is replaced.
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.location.String(), nil)
	if err != nil {
		return err
	}
	resp, err := u.store.client.Do(req)
	if err != nil {
		return err
	}
	defer discard(resp.Body)
	u.auth = resp.Request.Header.Get("Authorization")
	switch {
	case resp.StatusCode == http.StatusNoContent:
		return u.follow(resp)
	case resp.StatusCode == http.StatusUnauthorized, retriable(resp.StatusCode):
		return responseError(resp)
	default:
		// Its status is no part of the chain: it says nothing about the blob.
		return fmt.Errorf("%w: %v", errRestart, responseError(resp)) //nolint:errorlint // see above
	}
}

// send makes one request of the session. It is never repeated below: whether it
// can be is known only here.
func (u *upload) send(ctx context.Context, method string, to *url.URL, body io.Reader, size int64, header ...string) (*http.Response, error) {
	if body == nil {
		body = http.NoBody
	}
	req, err := http.NewRequestWithContext(ctx, method, to.String(), body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", "application/octet-stream")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if u.auth != "" {
		req.Header.Set("Authorization", u.auth)
	}
	resp, err := u.store.client.Do(req)
	if failed := u.src.failed(); err != nil && failed != nil {
		return nil, failed
	}
	return resp, err
}

func (u *upload) tracked(r io.Reader, offset int64) io.Reader {
	// Only the size announced: net/http would report more as its own error.
	return &progressReader{
		r:      io.LimitReader(r, u.desc.Size-offset),
		desc:   u.desc,
		kind:   EventSent,
		done:   offset,
		report: func(e Event) { u.store.event(e.Kind, e.Desc, e.Bytes) },
	}
}

// follow takes the session's next address and position from an answer. The
// address must stay on the registry: credentials are sent there.
func (u *upload) follow(resp *http.Response) error {
	location, err := resp.Location()
	if err != nil {
		return fmt.Errorf("upload: the answer has no Location: %w", err)
	}
	asked := resp.Request.URL
	// Some registries leave out the port that was asked for.
	if location.Port() == "" && asked.Port() == "443" && location.Hostname() == asked.Hostname() {
		location.Host = asked.Host
	}
	if location.Scheme != asked.Scheme || !strings.EqualFold(withPort(location), withPort(asked)) {
		return fmt.Errorf("upload: the registry at %s://%s sends it on to %s://%s", asked.Scheme, asked.Host, location.Scheme, location.Host)
	}
	u.location = location
	if resp.Request.Method == http.MethodPost {
		return nil
	}
	u.offset, err = u.position(resp.Header.Get("Range"))
	return err
}

func withPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "http" {
		return u.Host + ":80"
	}
	return u.Host + ":443"
}

// position reads "0-LAST". "0-0" is what registries say of an empty upload and
// of one byte; taking it for empty makes the registry refuse the second case,
// and the upload begin again.
func (u *upload) position(header string) (int64, error) {
	if header == "" {
		return u.offset, nil
	}
	first, last, ok := strings.Cut(strings.TrimPrefix(header, "bytes="), "-")
	n, err := strconv.ParseInt(last, 10, 64)
	if !ok || first != "0" || err != nil || n < 0 || n >= u.desc.Size {
		return 0, fmt.Errorf("%w: it has the range %q of %d bytes", errRestart, header, u.desc.Size)
	}
	if n == 0 {
		return 0, nil
	}
	return n + 1, nil
}
