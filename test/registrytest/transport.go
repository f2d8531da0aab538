package registrytest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Recorder counts the requests that go through the transports it wraps.
type Recorder struct {
	mu       sync.Mutex
	requests []string
}

// Wrap is for registry.Options.WrapTransport.
func (r *Recorder) Wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		r.mu.Lock()
		r.requests = append(r.requests, req.Method+" "+req.URL.RequestURI())
		r.mu.Unlock()
		return next.RoundTrip(req)
	})
}

// Requests lists what was sent since the last [Recorder.Reset], as
// "METHOD /path?query".
func (r *Recorder) Requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.requests...)
}

// Count is the number of requests with this method whose URI contains part;
// either may be empty for all.
func (r *Recorder) Count(method, part string) int {
	n := 0
	for _, request := range r.Requests() {
		m, uri, _ := strings.Cut(request, " ")
		if (method == "" || m == method) && strings.Contains(uri, part) {
			n++
		}
	}
	return n
}

// Reset forgets all requests.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// ErrBroken is the error of a connection that [Faults] broke.
var ErrBroken = errors.New("registrytest: broken connection")

// Fault is what happens to requests that match. A request that failed and was
// not stored, and one that failed yet was stored, are different worlds: there is
// a pair of each.
type Fault struct {
	Method string // empty: all
	Path   string // contained in the path; empty: all
	Times  int    // how many requests; 0 is one

	// Status is answered, with Header. 0 breaks the connection instead.
	Status int
	Header http.Header
	// Stored lets the request take effect before it fails.
	Stored bool
	// CutRequest breaks the connection after so many bytes of the request's
	// body, CutResponse after so many of the answer's. 0: no cut.
	CutRequest, CutResponse int64
}

// Faults is a list of faults; each request meets at most one, the first that
// matches and is not used up.
type Faults struct {
	mu    sync.Mutex
	left  []*Fault
	times int
}

// NewFaults returns faults in the order in which they are tried.
func NewFaults(faults ...Fault) *Faults {
	f := &Faults{}
	for _, fault := range faults {
		fault.Times = max(fault.Times, 1)
		f.left = append(f.left, &fault)
	}
	return f
}

// Met is how many requests have met a fault.
func (f *Faults) Met() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.times
}

func (f *Faults) take(req *http.Request) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.left {
		if fault.Times > 0 && (fault.Method == "" || fault.Method == req.Method) && strings.Contains(req.URL.Path, fault.Path) {
			fault.Times--
			f.times++
			return fault
		}
	}
	return nil
}

// Wrap is for registry.Options.WrapTransport.
func (f *Faults) Wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		fault := f.take(req)
		switch {
		case fault == nil:
			return next.RoundTrip(req)
		case fault.CutRequest > 0:
			req = req.Clone(req.Context())
			req.Body = &cutBody{ReadCloser: req.Body, left: fault.CutRequest}
			req.GetBody = nil
			return next.RoundTrip(req)
		case fault.CutResponse > 0:
			resp, err := next.RoundTrip(req)
			if err == nil {
				resp.Body = &cutBody{ReadCloser: resp.Body, left: fault.CutResponse}
			}
			return resp, err
		}
		return fault.fail(next, req)
	})
}

func (fault *Fault) fail(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	if fault.Stored {
		resp, err := next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode >= http.StatusBadRequest {
			return nil, fmt.Errorf("registrytest: a request that was to be stored was answered with %s", resp.Status)
		}
	} else if req.Body != nil {
		_ = req.Body.Close()
	}
	if fault.Status == 0 {
		return nil, ErrBroken
	}
	header := fault.Header.Clone()
	if header == nil {
		header = make(http.Header)
	}
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", fault.Status, http.StatusText(fault.Status)),
		StatusCode:    fault.Status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header,
		Body:          io.NopCloser(bytes.NewReader(nil)),
		ContentLength: 0,
		Request:       req,
	}, nil
}

// cutBody ends with an error after so many bytes; for a request, net/http then
// closes the connection and the server has what was sent so far.
type cutBody struct {
	io.ReadCloser
	left int64
}

func (c *cutBody) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, ErrBroken
	}
	n, err := c.ReadCloser.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}
