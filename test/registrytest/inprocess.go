package registrytest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
)

// Quirks are ways in which real registries differ. The zero value is a registry
// as the specification describes it, referrers API included.
type Quirks struct {
	// NoReferrersAPI answers 404 on the referrers API and sends no OCI-Subject,
	// like CNCF distribution.
	NoReferrersAPI bool
	// ReferrersWithoutSubjectHeader has the API but never sends OCI-Subject,
	// like Quay.
	ReferrersWithoutSubjectHeader bool
	// SubjectHeaderWithoutReferrers is the reverse.
	SubjectHeaderWithoutReferrers bool
	// IgnoreRange answers with the whole blob, like Quay on local storage.
	IgnoreRange bool
	// MountNotFound answers 404 where the specification wants 202: to a mount
	// that is not possible.
	MountNotFound bool
	// NoTagDelete answers 400 to the deletion of a tag, like distribution 2.8.
	NoTagDelete bool
	// Username and Password, if set, are asked for by HTTP Basic.
	Username, Password string
	// Wrap, if set, is put around everything else.
	Wrap func(http.Handler) http.Handler
}

// InProcess starts a registry in memory and returns its host, which speaks
// plain HTTP on the loopback address until the test ends.
func InProcess(t testing.TB, quirks Quirks) (host string) {
	t.Helper()
	server := httptest.NewServer(Handler(quirks))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// Handler is the registry of [InProcess] without a server.
func Handler(quirks Quirks) http.Handler {
	handler := ociserver.New(ocimem.New(), &ociserver.Options{
		DisableReferrersAPI: quirks.NoReferrersAPI || quirks.SubjectHeaderWithoutReferrers,
	})
	if !quirks.MountNotFound {
		handler = mountAsSpecified(handler)
	}
	if quirks.NoReferrersAPI || quirks.ReferrersWithoutSubjectHeader {
		handler = withoutHeader(handler, "OCI-Subject")
	}
	if quirks.IgnoreRange {
		handler = ignoreRange(handler)
	}
	if quirks.NoTagDelete {
		handler = noTagDelete(handler)
	}
	if quirks.Username != "" {
		handler = basicAuth(handler, quirks.Username, quirks.Password)
	}
	if quirks.Wrap != nil {
		handler = quirks.Wrap(handler)
	}
	return handler
}

// mountAsSpecified makes a mount that is not possible the beginning of an
// upload: 202, where ociserver says 404.
func mountAsSpecified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Query().Get("mount") == "" {
			next.ServeHTTP(w, r)
			return
		}
		trial := httptest.NewRecorder()
		next.ServeHTTP(trial, r)
		if trial.Code != http.StatusCreated {
			upload := r.Clone(r.Context())
			upload.URL.RawQuery = ""
			next.ServeHTTP(w, upload)
			return
		}
		for name, values := range trial.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(trial.Code)
	})
}

// withoutHeader removes a header from every answer just before it is sent.
func withoutHeader(next http.Handler, name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&headerFilter{ResponseWriter: w, name: name}, r)
	})
}

type headerFilter struct {
	http.ResponseWriter
	name string
}

func (f *headerFilter) WriteHeader(status int) {
	f.Header().Del(f.name)
	f.ResponseWriter.WriteHeader(status)
}

func (f *headerFilter) Write(p []byte) (int, error) {
	f.Header().Del(f.name)
	return f.ResponseWriter.Write(p)
}

func ignoreRange(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
		next.ServeHTTP(w, r)
	})
}

func noTagDelete(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/manifests/") && !strings.Contains(r.URL.Path, "sha256:") {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"errors":[{"code":"UNSUPPORTED","message":"tags are not deleted here"}]}`))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func basicAuth(next http.Handler, username, password string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		if user != username || pass != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`))
			return
		}
		next.ServeHTTP(w, r)
	})
}
