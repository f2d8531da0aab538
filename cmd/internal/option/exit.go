package option

import (
	"context"
	"errors"
	"runtime/debug"

	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/policy"
)

// Exit codes; docs/exit-codes.md is their specification.
const (
	ExitOK           = 0
	ExitError        = 1
	ExitUsage        = 2
	ExitRefused      = 3
	ExitConflict     = 4
	ExitNotFound     = 5
	ExitUnauthorized = 6
	ExitUnreachable  = 7
	ExitInput        = 8
	ExitGates        = 9
	ExitInterrupted  = 130
)

// conflict is implemented by errors that say that somebody else wrote, input by
// those that say that what the user gave is not fit, ungated by those that say
// that gates keep a revision from its users.
type (
	conflict interface{ Conflict() bool }
	input    interface{ Input() bool }
	ungated  interface{ Gates() bool }
)

// ExitCode maps an error to the exit code of a program.
func ExitCode(err error) int {
	var (
		refusal   *policy.Refusal
		bad       *wheel.Error
		violation *artifact.Violation
		in        input
		taken     conflict
		gates     ungated
	)
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	case IsUsage(err):
		return ExitUsage
	case errors.As(err, &taken) && taken.Conflict():
		return ExitConflict
	case errors.As(err, &gates) && gates.Gates():
		return ExitGates
	case errors.Is(err, registry.ErrUnauthorized):
		return ExitUnauthorized
	case errors.Is(err, registry.ErrUnreachable), errors.Is(err, registry.ErrTLS):
		return ExitUnreachable
	case errors.As(err, &refusal) && refusal.Step > 5:
		// What is missing after the index itself (step 5) is part of something
		// that is there.
		return ExitRefused
	case errors.Is(err, errdef.ErrNotFound):
		return ExitNotFound
	case refusal != nil:
		return ExitRefused
	case errors.As(err, &bad), errors.As(err, &violation), errors.As(err, &in) && in.Input():
		return ExitInput
	default:
		return ExitError
	}
}

// Version is the program's version: the module's, or the commit it was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}
