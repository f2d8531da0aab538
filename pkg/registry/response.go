package registry

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"oras.land/oras-go/v2/registry/remote/errcode"
)

// maxErrorBody bounds what is read of an error answer, in bytes.
const maxErrorBody = 8 << 10

// statusError is an answer that is not a success, with the wait it asks for.
type statusError struct {
	*errcode.ErrorResponse
	header http.Header
}

func (e *statusError) Unwrap() error { return e.ErrorResponse }

// responseError reads the errors in an answer, OCI distribution-spec 1.1.1
// "error codes". The query of the URL is left out: upload URLs carry state in it
// that is long, and of no use to anybody else.
func responseError(resp *http.Response) error {
	u := *resp.Request.URL
	u.RawQuery, u.User = "", nil
	e := &errcode.ErrorResponse{Method: resp.Request.Method, URL: &u, StatusCode: resp.StatusCode}
	var body struct {
		Errors errcode.Errors `json:"errors"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxErrorBody)).Decode(&body); err == nil {
		e.Errors = body.Errors
	}
	return &statusError{ErrorResponse: e, header: resp.Header}
}

// statusOf is the HTTP status of an error answer, 0 for another error.
func statusOf(err error) int {
	var resp *errcode.ErrorResponse
	if errors.As(err, &resp) {
		return resp.StatusCode
	}
	return 0
}

// wait is how long to wait after err: what the registry asked for, else the
// backoff. ok is false if it asked for more than the limit.
func (r Retry) wait(err error, failures int) (d time.Duration, ok bool) {
	var status *statusError
	if errors.As(err, &status) {
		if asked, found := r.after(status.header); found {
			return asked, asked <= r.MaxRetryAfter
		}
	}
	return r.backoff(failures), true
}

// isTransport tells errors of the connection from errors of our own making.
func isTransport(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) || isBroken(err)
}

// url is an address in the repository's part of the API.
func (s *remoteStore) url(elem ...string) string {
	scheme := "https"
	if s.opts.PlainHTTP {
		scheme = "http"
	}
	return scheme + "://" + s.repo.Reference.Host() + "/v2/" + s.ref.Repository + "/" + strings.Join(elem, "/")
}
