package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// What callers decide on, besides errdef.ErrNotFound and errdef.ErrUnsupported.
var (
	// ErrUnauthorized: the registry wants other credentials, or does not let
	// these do what was asked.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrUnreachable: no answer came, or the registry is overloaded, after all
	// retries.
	ErrUnreachable = errors.New("unreachable")
	// ErrTLS: the certificate is not trusted, or one side speaks TLS and the
	// other does not.
	ErrTLS = errors.New("no trusted TLS connection")
	// ErrTooLarge: the registry does not take content of this size.
	ErrTooLarge = errors.New("too large for the registry")
)

// Error is what went wrong with one operation on a [Store]. It unwraps to its
// cause and to its kind.
type Error struct {
	Op    string // what was done: "push", "resolve", …
	Where string // the reference, or the place and the digest
	Kind  error  // one of the Err values above, an errdef value, or nil
	Err   error  // the cause; may be nil
	Hint  string // what the user can do; may be empty
}

func (e *Error) Error() string {
	s := e.Op + " " + e.Where
	switch {
	case e.Err != nil && (e.Kind == nil || strings.Contains(e.Err.Error(), e.Kind.Error())):
		s += ": " + e.Err.Error()
	case e.Err != nil:
		s += ": " + e.Kind.Error() + ": " + e.Err.Error()
	case e.Kind != nil:
		s += ": " + e.Kind.Error()
	}
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	return s
}

// Unwrap gives kind and cause, for errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.Kind, e.Err} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// errPlainToTLS is given for the answer of a TLS server to plain HTTP.
var errPlainToTLS = errors.New("the server speaks TLS and was asked without")

// wrap makes an [Error] of err; nil and what is one already stay as they are.
func (s *remoteStore) wrap(op, name string, err error) error {
	if err == nil {
		return nil
	}
	var done *Error
	if errors.As(err, &done) {
		return err
	}
	e := &Error{Op: op, Where: s.where(name), Err: err}
	e.Kind, e.Hint = s.classify(err)
	return e
}

// where names a tag or digest in this repository as users write it.
func (s *remoteStore) where(name string) string {
	switch {
	case name == "":
		return s.ref.Base()
	case strings.HasPrefix(name, "sha256:"):
		return s.ref.Base() + "@" + name
	default:
		return s.ref.Base() + ":" + name
	}
}

func (s *remoteStore) classify(err error) (kind error, hint string) {
	var resp *errcode.ErrorResponse
	if errors.As(err, &resp) && !isContent(err) {
		return s.classifyStatus(resp)
	}
	switch {
	case errors.Is(err, context.Canceled), isContent(err):
		return nil, ""
	case errors.Is(err, errdef.ErrNotFound):
		return errdef.ErrNotFound, ""
	case errors.Is(err, errdef.ErrUnsupported):
		return errdef.ErrUnsupported, ""
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return ErrUnauthorized, s.credentials.hint()
	}
	if kind, hint := s.classifyTLS(err); kind != nil {
		return kind, hint
	}
	var netErr net.Error
	if errors.As(err, &netErr) || isBroken(err) {
		return ErrUnreachable, s.unreachableHint(err)
	}
	return nil, ""
}

func (s *remoteStore) classifyStatus(resp *errcode.ErrorResponse) (kind error, hint string) {
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return ErrUnauthorized, s.credentials.hint()
	case status == http.StatusNotFound:
		return errdef.ErrNotFound, ""
	case status == http.StatusRequestEntityTooLarge:
		return ErrTooLarge, "make it smaller, or raise the limit of the registry and of the proxies before it"
	case retriable(status):
		return ErrUnreachable, "it is overloaded or down; try again later"
	}
	return nil, ""
}

func (s *remoteStore) classifyTLS(err error) (kind error, hint string) {
	var (
		verification *tls.CertificateVerificationError
		unknown      x509.UnknownAuthorityError
		hostname     x509.HostnameError
		alert        tls.AlertError
		record       tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return ErrTLS, "the server does not speak TLS; if that is intended, use --plain-http"
	case errors.Is(err, errPlainToTLS):
		return ErrTLS, "leave out --plain-http"
	case errors.As(err, &unknown):
		return ErrTLS, "if the registry has its own certificate authority, name its PEM file with --ca-file"
	case errors.As(err, &hostname):
		return ErrTLS, "use the name that the certificate is made for"
	case errors.As(err, &verification), errors.As(err, &alert):
		return ErrTLS, ""
	}
	return nil, ""
}

func (s *remoteStore) unreachableHint(err error) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("no such host: is %q spelled right?", s.ref.Registry)
	case os.IsTimeout(err), errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer in time: is %s up, and does a firewall or proxy let it through?", s.ref.Registry)
	default:
		return fmt.Sprintf("is %s up, and is this its port?", s.ref.Registry)
	}
}
