package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
)

// savedPlan is the plan in the file that was named, or nil if there is none.
func savedPlan[P any](p *program, f *writeFlags, decode func([]byte) (*P, error), name func(*P) string) (*P, error) {
	if f.plan == "" {
		return nil, nil
	}
	data, err := os.ReadFile(f.plan)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, option.Input(fmt.Errorf("plan: %w", err))
	}
	plan, err := decode(data)
	if err != nil {
		return nil, option.Input(fmt.Errorf("%s: %w", f.plan, err))
	}
	if name(plan) != f.name {
		return nil, option.Usage(fmt.Errorf("%s is a plan for %s, not for %s", f.plan, name(plan), f.name))
	}
	p.note("applying the plan in %s", f.plan)
	return plan, nil
}

// savePlan writes a plan before anything of it is applied: the whole file or none,
// so that a rerun never reads half a plan.
func savePlan(file string, plan interface{ Encode() ([]byte, error) }) error {
	if file == "" {
		return nil
	}
	data, err := plan.Encode()
	if err != nil {
		return err
	}
	tmp := file + ".tmp"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	if err := os.Rename(tmp, file); err != nil {
		return fmt.Errorf("plan: %w", errors.Join(err, os.Remove(tmp)))
	}
	return nil
}
