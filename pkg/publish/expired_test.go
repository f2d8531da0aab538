package publish_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

// TestCredentialsThatExpire has a registry answer 401 to everything that writes
// after a number of writes, for each number until the command ends. What was
// begun is ended by the same plan with new credentials, and readers see the old or
// the new revision all the while.
func TestCredentialsThatExpire(t *testing.T) {
	t.Parallel()
	var left atomic.Int64
	inner := registrytest.Handler(registrytest.Quirks{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writes := r.Method != http.MethodGet && r.Method != http.MethodHead
		if writes && left.Add(-1) < 0 {
			w.Header().Set("WWW-Authenticate", `Basic realm="expired"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	const forever = 1 << 40
	left.Store(forever)
	w := newWorld(t)
	w.host = strings.TrimPrefix(server.URL, "http://")
	w.store = w.client(registry.Options{})
	before := w.release(w.demo("1.0"))

	plan := w.plan(w.options(w.demo("2.0")))
	for n := int64(0); ; n++ {
		left.Store(n)
		err := w.savedPlan(plan).Apply(t.Context(), w.client(registry.Options{}))
		left.Store(forever)
		w.wantLive(before)
		if err == nil {
			break
		}
		if !errors.Is(err, registry.ErrUnauthorized) {
			t.Fatalf("publish, after %d writes: %v", n, err)
		}
	}
	if at := w.at("test.3.4-cpu-ubi9"); at != plan.Revision.Digest {
		t.Errorf("the candidate is %s, want %s", at, plan.Revision.Digest)
	}

	promotion := w.planPromotion(w.promoteOptions())
	for n := int64(0); ; n++ {
		left.Store(n)
		err := w.savedPromotion(promotion).Apply(t.Context(), w.client(registry.Options{}))
		left.Store(forever)
		if err == nil {
			break
		}
		w.wantEither(before, promotion.Revision.Digest)
		if !errors.Is(err, registry.ErrUnauthorized) {
			t.Fatalf("promote, after %d writes: %v", n, err)
		}
	}
	w.wantLive(plan.Revision.Digest)
	w.invariants()
}
