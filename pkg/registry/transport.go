package registry

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// newTransport stacks, from the network up: TLS and dialling, the caller's
// wrapper, the guard against silence, the bound on requests, retries.
func newTransport(opts Options) (http.RoundTripper, error) {
	base, err := networkTransport(opts)
	if err != nil {
		return nil, err
	}
	var rt http.RoundTripper = base
	if opts.WrapTransport != nil {
		rt = opts.WrapTransport(rt)
	}
	rt = &retrier{
		next:  &limiter{next: &guard{next: rt, timeout: opts.Timeout}, slots: make(chan struct{}, opts.Concurrency)},
		retry: opts.Retry,
	}
	if opts.Now != nil {
		rt = &timekeeper{next: rt, now: opts.Now}
	}
	return rt, nil
}

func networkTransport(opts Options) (*http.Transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if opts.CAFile != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("load the system's certificates: %w", err)
		}
		pem, err := os.ReadFile(opts.CAFile)
		if err != nil {
			return nil, fmt.Errorf("load certificates: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("load certificates: %s holds no PEM certificate", opts.CAFile)
		}
		config.RootCAs = pool
	}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   15 * time.Second,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   opts.Concurrency,
		IdleConnTimeout:       90 * time.Second,
		ExpectContinueTimeout: time.Second,
		// Bytes are addressed by digest and compared with a length: they must
		// arrive as they are stored.
		DisableCompression: true,
	}, nil
}

// retriable tells the answers that mean "not now".
func retriable(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// permanent tells errors of the transport that another attempt won't cure.
func permanent(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		alert        tls.AlertError
		record       tls.RecordHeaderError
		dns          *net.DNSError
	)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return true
	case errors.Is(err, http.ErrSchemeMismatch), errors.Is(err, errPlainToTLS):
		return true
	case errors.As(err, &verification), errors.As(err, &alert), errors.As(err, &record):
		return true
	case errors.As(err, &dns):
		return dns.IsNotFound
	}
	return false
}

func isBroken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errSilent)
}

// retrier repeats what can be repeated without asking whether it took effect:
// requests without a body, and stored manifests where the answer says that
// nothing was done. Uploads are repeated by those who send them.
type retrier struct {
	next  http.RoundTripper
	retry Retry
}

func (t *retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	for failures := 1; ; failures++ {
		resp, err := t.next.RoundTrip(req)
		if failures >= t.retry.Attempts || !t.again(req, resp, err) {
			return resp, err
		}
		wait := t.retry.backoff(failures)
		if resp != nil {
			asked, ok := t.retry.after(resp.Header)
			if asked > t.retry.MaxRetryAfter {
				return resp, nil
			}
			if ok {
				wait = asked
			}
			discard(resp.Body)
		}
		if err := t.retry.Sleep(req.Context(), wait); err != nil {
			return nil, err
		}
		if req, err = rewound(req); err != nil {
			return nil, err
		}
	}
}

func (t *retrier) again(req *http.Request, resp *http.Response, err error) bool {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return false
	}
	writes := req.Method == http.MethodPut || req.Method == http.MethodPatch
	switch {
	case err != nil:
		return !writes && !permanent(err) && req.Context().Err() == nil
	case writes:
		// A gateway that gave up does not know what the registry did, and what
		// belongs to an upload is repeated by who knows where that stands.
		return req.GetBody != nil && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable)
	}
	return retriable(resp.StatusCode)
}

func rewound(req *http.Request) (*http.Request, error) {
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		again.Body = body
	}
	return again, nil
}

// after reads Retry-After, RFC 9110 section 10.2.3: seconds or a date.
func (r Retry) after(header http.Header) (time.Duration, bool) {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if value == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(date.Sub(r.Now()), 0), true
	}
	return 0, false
}

// discard reads what little is left of a body, so that its connection can be
// used again, and closes it.
func discard(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 16<<10)
	_ = body.Close()
}

// limiter bounds the requests under way. A slot is given back with the headers
// of the answer: held until a body is closed it would block who copies from one
// place of a store to another.
type limiter struct {
	next  http.RoundTripper
	slots chan struct{}
}

func (t *limiter) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case t.slots <- struct{}{}:
	case <-req.Context().Done():
		return nil, context.Cause(req.Context())
	}
	defer func() { <-t.slots }()
	resp, err := t.next.RoundTrip(req)
	if err == nil && req.URL.Scheme == "http" && resp.StatusCode == http.StatusBadRequest && t.saysTLS(req, resp) {
		_ = resp.Body.Close()
		return nil, errPlainToTLS
	}
	return resp, err
}

// saysTLS recognises how Go's and nginx's TLS servers answer plain HTTP; other
// servers just close the connection. An answer to HEAD has no text, so the
// server is asked once more.
func (t *limiter) saysTLS(req *http.Request, resp *http.Response) bool {
	if req.Method == http.MethodHead {
		probe, err := http.NewRequestWithContext(req.Context(), http.MethodGet, "http://"+req.URL.Host+"/v2/", nil)
		if err != nil {
			return false
		}
		if resp, err = t.next.RoundTrip(probe); err != nil {
			return false
		}
		defer resp.Body.Close()
	}
	start, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), resp.Body), resp.Body}
	return bytes.Contains(start, []byte("HTTP request to an HTTPS server")) ||
		bytes.Contains(start, []byte("plain HTTP request was sent to HTTPS port"))
}
