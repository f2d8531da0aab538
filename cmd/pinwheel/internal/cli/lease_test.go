package cli

import (
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

func TestWriterName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, host, want string }{
		{"a short name", "builder", "builder-0a1b2c3d"},
		{"a full name", "Builder7.example", "builder7-0a1b2c3d"},
		{"a long name", "runner-abcdefgh-project-42-concurrent-0", "runner-abcdefgh-0a1b2c3d"},
		{"a cut after a dash", "runner-abcdefg-project", "runner-abcdefg-0a1b2c3d"},
		{"odd characters", "--büro_2--", "b-ro-2-0a1b2c3d"},
		{"none", "", "0a1b2c3d"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := writerName(tt.host, "0a1b2c3d")
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if _, err := (index.Name{Product: "tools", Series: "3.4", Variant: "cpu"}).StageTag(got); err != nil {
				t.Error(err)
			}
		})
	}
}
