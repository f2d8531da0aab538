package publish_test

import (
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/publish"
)

func TestFindSplit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(w.demo("1.0"))
	if x, err := publish.FindSplit(t.Context(), w.store, tools); x != nil || err != nil {
		t.Errorf("without a head: %v, %v", x, err)
	}
	w.promote()
	w.release(w.demo("2.0"))
	if x, err := publish.FindSplit(t.Context(), w.store, tools); x != nil || err != nil {
		t.Errorf("head and live agree: %v, %v", x, err)
	}
	w.alias("rev.3.4-cpu-ubi9.1", "3.4-cpu-ubi9")
	x, err := publish.FindSplit(t.Context(), w.store, tools)
	if err != nil || x == nil {
		t.Fatalf("%v, %v", x, err)
	}
	for _, d := range []string{string(w.at("rev.3.4-cpu-ubi9.2")), string(w.at("rev.3.4-cpu-ubi9.1"))} {
		if !strings.Contains(x.String(), d) {
			t.Errorf("%s is not named: %s", d, x)
		}
	}
}
