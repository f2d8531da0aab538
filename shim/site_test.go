package shim_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/shim"
	"github.com/pinwheel-oci/pinwheel/shim/source"
	"github.com/pinwheel-oci/pinwheel/test/shimtest"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

const (
	v1JSON  = "application/vnd.pypi.simple.v1+json"
	v1HTML  = "application/vnd.pypi.simple.v1+html"
	root    = "/tools/3.4/cpu-ubi9"
	forever = "public, max-age=31536000, immutable"
)

// site is a publisher and a shim in front of its store.
type site struct {
	*shimtest.World
	store     *shimtest.Store
	live      *source.Follower
	candidate *source.Follower
	handler   *shim.Handler
}

func newSite(t *testing.T, below registry.Store, lines ...string) *site {
	t.Helper()
	s := &site{World: shimtest.New(t, below, "vendor"), store: shimtest.NewStore(below)}
	verifier := s.Verifier(s.store, lines...)
	follow := func(kind policy.Kind) *source.Follower {
		file, err := source.OpenState(t.TempDir(), shimtest.Name, kind.Stage())
		if err != nil {
			t.Fatal(err)
		}
		return source.NewFollower(source.Options{Verifier: verifier, Kind: kind, State: file})
	}
	s.live, s.candidate = follow(policy.Live), follow(policy.Candidate)
	pins := source.NewPins(source.PinOptions{Verifier: verifier, State: s.live.State})
	var err error
	s.handler, err = shim.New(shim.Options{
		Now:     s.Clock.Now,
		Indexes: []shim.Index{{Name: shimtest.Name, Live: s.live, Candidate: s.candidate, Pins: pins, Blobs: s.store}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// poll makes both stages look.
func (s *site) poll(t *testing.T) {
	t.Helper()
	if err := s.live.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.candidate.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// ask sends a request; headers are name, value, name, value …
func (s *site) ask(t *testing.T, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func (s *site) get(t *testing.T, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	return s.ask(t, http.MethodGet, target, headers...)
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// fileURL is where a wheel is below a root.
func fileURL(t *testing.T, w wheeltest.Wheel) string {
	t.Helper()
	return "/files/" + sum(wheeltest.Build(t, w)) + "/" + w.Filename()
}

var (
	demo1  = wheeltest.Wheel{Version: "1.0", RequiresPython: ">=3.9"}
	demo2  = wheeltest.Wheel{Version: "1.10"}
	zope   = wheeltest.Wheel{Name: "Zope.Interface", Version: "6.0+local.1"}
	absent = "/files/" + strings.Repeat("a", 64) + "/demo-1.0-py3-none-any.whl"
)

// published is a site with demo 1.0 retired, demo 1.10 and zope-interface live,
// and one revision before.
func published(t *testing.T) *site {
	t.Helper()
	s := newSite(t, registry.NewMemory())
	s.PublishLive(demo1, zope)
	s.poll(t)
	s.Replace(demo2, zope)
	s.Promote()
	s.poll(t)
	return s
}
