package registry_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

func open(t testing.TB, ref string, opts registry.Options) registry.Store {
	t.Helper()
	parsed, err := registry.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	store, err := registry.Open(t.Context(), parsed, opts)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// repositories opens one new repository of a registry after the other.
func repositories(host string, opts registry.Options) func(testing.TB) registry.Store {
	var n atomic.Int32
	return func(t testing.TB) registry.Store {
		return open(t, fmt.Sprintf("%s/suite/r%d", host, n.Add(1)), opts)
	}
}

func newLayout(t testing.TB) registry.Store {
	return open(t, "oci-layout:"+t.TempDir()+"/new", registry.Options{CreateLayout: true, Progress: func(registry.Event) {}})
}

func TestSuiteMemory(t *testing.T) {
	t.Parallel()
	registrytest.Suite(t, func(testing.TB) registry.Store { return registry.NewMemory() }, registrytest.Traits{})
}

func TestSuiteLayout(t *testing.T) {
	t.Parallel()
	registrytest.Suite(t, newLayout, registrytest.Traits{ChecksChildren: true})
}

func TestSuiteCached(t *testing.T) {
	t.Parallel()
	registrytest.Suite(t, func(t testing.TB) registry.Store { return registry.Cached(newLayout(t), 1<<20) }, registrytest.Traits{ChecksChildren: true})
}

func TestSuiteInProcess(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		quirks registrytest.Quirks
		traits registrytest.Traits
	}{
		"as specified":                    {registrytest.Quirks{}, registrytest.Traits{ReferrersAPI: true}},
		"no referrers API":                {registrytest.Quirks{NoReferrersAPI: true}, registrytest.Traits{}},
		"referrers API but no header":     {registrytest.Quirks{ReferrersWithoutSubjectHeader: true}, registrytest.Traits{ReferrersAPI: true}},
		"header but no referrers API":     {registrytest.Quirks{SubjectHeaderWithoutReferrers: true}, registrytest.Traits{}},
		"ignores ranges":                  {registrytest.Quirks{IgnoreRange: true}, registrytest.Traits{ReferrersAPI: true}},
		"does not delete tags":            {registrytest.Quirks{NoTagDelete: true}, registrytest.Traits{ReferrersAPI: true, KeepsTags: true}},
		"mounts are 404, as in ociserver": {registrytest.Quirks{MountNotFound: true}, registrytest.Traits{ReferrersAPI: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.traits.ChecksChildren = true
			host := registrytest.InProcess(t, tt.quirks)
			registrytest.Suite(t, repositories(host, registry.Options{PlainHTTP: true, Progress: func(registry.Event) {}}), tt.traits)
		})
	}
}

func TestSuiteDistribution(t *testing.T) {
	t.Parallel()
	tests := map[string]registrytest.DistributionOptions{
		"plain":            {},
		"on disk":          {Dir: t.TempDir()},
		"htpasswd":         {Htpasswd: true},
		"TLS":              {TLS: true},
		"htpasswd and TLS": {Htpasswd: true, TLS: true},
	}
	for name, opts := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := registrytest.Distribution(t, opts)
			registrytest.Suite(t, repositories(server.Host, server.Options()), registrytest.Traits{ChecksChildren: true})
		})
	}
}
