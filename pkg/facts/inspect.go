package facts

import (
	"context"
	"errors"
	"io"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// Inspect is [wheel.Inspect] that reads the facts of a wheel on the way; of an
// sdist there are none. Large members are spilled to tempDir ("": that of the
// system).
func Inspect(ctx context.Context, r io.ReaderAt, size int64, filename string, limits wheel.Limits, tempDir string) (*wheel.Info, *Wheel, *Exports, error) {
	reader := NewReader(tempDir)
	info, err := wheel.Inspect(ctx, r, size, filename, limits, reader)
	if err != nil || info.PackageType != wheel.TypeWheel {
		return info, nil, nil, err
	}
	w, e, err := reader.Wheel(info.SHA256, info.Requires, info.ProvidesExtra)
	var large *artifact.Violation
	if errors.As(err, &large) && large.Rule == "too-large" {
		err = &wheel.Error{File: filename, Rule: wheel.RuleLimit, Reason: "has facts of " + large.Detail}
	}
	return info, w, e, err
}
