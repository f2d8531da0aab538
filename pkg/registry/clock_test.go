package registry_test

import (
	"errors"
	"testing"
	"time"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

func TestWritersClock(t *testing.T) {
	t.Parallel()
	host := registrytest.InProcess(t, registrytest.Quirks{})
	for name, tt := range map[string]struct {
		off  time.Duration
		want bool
	}{
		"right":      {0, true},
		"a bit off":  {-4 * time.Minute, true},
		"far ahead":  {30 * 24 * time.Hour, false},
		"far behind": {-time.Hour, false},
	} {
		store := open(t, host+"/tools/wheels", registry.Options{PlainHTTP: true, Now: func() time.Time { return time.Now().Add(tt.off) }})
		_, err := store.Resolve(t.Context(), "nothing")
		if got := !errors.Is(err, registry.ErrClock); got != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
