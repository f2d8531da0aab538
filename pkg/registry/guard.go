package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// stallTimeout bounds the silence while something is read: the wait for an
// answer that needs no work, and the wait for the next bytes of a body.
const stallTimeout = time.Minute

// errSilent ends a request on which nothing moved for too long.
var errSilent = errors.New("no data from the registry for too long")

// guard cuts requests on which nothing moves. A deadline for a whole request
// would do harm to large files on slow lines; a dead peer without any bound
// would hold a publisher for ever.
type guard struct {
	next    http.RoundTripper
	timeout time.Duration // for answers that may take work
}

func (t *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	limit := t.timeout
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		limit = min(limit, stallTimeout)
	}
	timer := time.AfterFunc(limit, func() { cancel(errSilent) })
	req = req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = &activeBody{ReadCloser: req.Body, timer: timer, limit: limit}
	}
	resp, err := t.next.RoundTrip(req)
	timer.Stop()
	if err != nil {
		if errors.Is(context.Cause(ctx), errSilent) {
			err = errSilent
		}
		cancel(nil)
		return nil, err
	}
	resp.Body = &guardedBody{body: resp.Body, ctx: ctx, cancel: cancel, timer: timer, limit: min(t.timeout, stallTimeout)}
	return resp, nil
}

// activeBody is a request body whose reading is a sign of life.
type activeBody struct {
	io.ReadCloser
	timer *time.Timer
	limit time.Duration
}

func (b *activeBody) Read(p []byte) (int, error) {
	// Stop reports false once the timer has fired or the answer has come; it
	// must not be started again then.
	if b.timer.Stop() {
		b.timer.Reset(b.limit)
	}
	return b.ReadCloser.Read(p)
}

// guardedBody is an answer's body whose reads may not take too long. The time
// between reads is the reader's own.
type guardedBody struct {
	body   io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	limit  time.Duration
}

func (b *guardedBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.limit)
	n, err := b.body.Read(p)
	b.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) && errors.Is(context.Cause(b.ctx), errSilent) {
		err = errSilent
	}
	return n, err
}

func (b *guardedBody) Close() error {
	b.timer.Stop()
	err := b.body.Close()
	b.cancel(nil)
	return err
}
