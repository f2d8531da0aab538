package shim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/shim/source"
)

// problem is an error answer (RFC 9457). uv shows title and detail to its user,
// so they say what, where and what to do.
type problem struct {
	Status     int
	Title      string
	Detail     string
	Code       string // the reason in one word, where there is one
	RetryAfter int    // seconds; small, because pip waits for that long
}

// Error makes a problem something that a handler can return.
func (p problem) Error() string { return p.Title + ": " + p.Detail }

// write answers with the problem. Headers that were set for the answer that did
// not come about are taken back.
func (p problem) write(w http.ResponseWriter, r *http.Request) {
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail,omitempty"`
		Code   string `json:"code,omitempty"`
	}{"about:blank", p.Title, p.Status, p.Detail, p.Code})
	if err != nil {
		body = []byte("{}")
	}
	h := w.Header()
	for _, name := range []string{"Content-Encoding", "Etag", "X-Pypi-Last-Serial", "Accept-Ranges"} {
		h.Del(name)
	}
	// Exactly this, without a charset: uv compares it as a string.
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	h["Cache-Control"] = cacheNotFound
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

func notFound(title, detail string, args ...any) error {
	return problem{Status: http.StatusNotFound, Title: title, Detail: fmt.Sprintf(detail, args...)}
}

func gone(reason string, args ...any) error {
	return problem{Status: http.StatusGone, Title: "No longer available", Detail: fmt.Sprintf(reason, args...), Code: "withdrawn"}
}

func unavailable(title, detail string, args ...any) problem {
	return problem{Status: http.StatusServiceUnavailable, Title: title, Detail: fmt.Sprintf(detail, args...), RetryAfter: 5}
}

// problemOf turns what a handler returned into an answer. The text of errors
// that nobody planned for stays inside.
func problemOf(err error) problem {
	var p problem
	var refusal *policy.Refusal
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, source.ErrBusy):
		return problem{Status: http.StatusTooManyRequests, Title: "Too many unknown revisions", Detail: err.Error(), RetryAfter: 2}
	case errors.As(err, &refusal):
		return refused(refusal)
	default:
		return problem{Status: http.StatusInternalServerError, Title: "Internal error", Detail: "The server's log has the reason."}
	}
}

// refused is about a revision that was asked for by its digest.
func refused(r *policy.Refusal) problem {
	p := problem{Status: http.StatusForbidden, Title: "Revision refused", Detail: r.Detail, Code: string(r.Code)}
	switch r.Code {
	case policy.NotNamed, policy.RevisionMissing, policy.HeadMissing, policy.ReleaseMissing, policy.LiveMissing:
		p.Status, p.Title = http.StatusNotFound, "No such revision"
	case policy.Unavailable, policy.Expired, policy.TooOld:
		p.Status, p.Title, p.RetryAfter = http.StatusServiceUnavailable, "Revision cannot be verified now", 5
	}
	return p
}
