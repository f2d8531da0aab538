// Package gate judges whether a revision holds together before it can be live:
// whether each wheel can be installed in the environments that the index
// declares, with what its metadata asks for, and whether what its libraries ask
// of others is there, for every choice that an installer is free to make. It
// reads catalogs and facts of wheels, never wheels, and says what it found in a
// [Report]. docs/gates.md explains every gate and rule to the people who
// publish.
package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// Input is a candidate and what it is judged by.
type Input struct {
	// Candidate is the revision to judge. It need not be sealed: what it says
	// of gates, facts and evidence is not looked at.
	Candidate *index.Catalog
	// Live is the revision that is live now, nil if none is, and LiveDigest
	// its digest, which only goes into the report.
	Live       *index.Catalog
	LiveDigest digest.Digest
	// Facts returns the facts of a file by its SHA-256, nil if there are none.
	// A nil function knows no facts.
	Facts func(sha256 string) *facts.Wheel
	// Exports returns what a wheel exports in watched name spaces. It is asked
	// for wheels whose facts count exports, and at most once for each.
	Exports func(ctx context.Context, sha256 string) (*facts.Exports, error)
	// Names is the ledger: every file name that the index ever used before
	// this revision, and the SHA-256 that it stood for.
	Names map[string]string
	// Transition is the reason why the ABI of a live series changes, which
	// makes warnings of the errors that say so; "" declares no transition.
	Transition string
	// Rollback says that the contents were live before: findings on what
	// differs from the live revision are notes.
	Rollback bool
	// Rules are checks of the operator's own.
	Rules []Rule
	// Now is the time against which waivers expire.
	Now time.Time
}

// Modes of a gate in a report. A target may set the first three.
const (
	ModeError     = "error"
	ModeWarn      = "warn" // errors become warnings
	ModeOff       = "off"
	ModeNotJudged = "not judged"
)

// gate is one check of a revision.
type gate struct {
	name string
	// mode holds unless the target sets another.
	mode string
	// fixed gates cannot be switched off, weakened or waived.
	fixed bool
	// environments says that the gate needs a declared target.
	environments bool
	// facts says that the gate needs the facts of each listed wheel.
	facts bool
	run   func(*judge, context.Context) error
}

// gates are all gates, in the order of reports.
func gates() []gate {
	return []gate{
		{name: "target", mode: ModeError, fixed: true, run: (*judge).target},
		{name: "tags", mode: ModeError, environments: true, run: (*judge).tags},
		{name: "closure", mode: ModeError, environments: true, facts: true, run: (*judge).closure},
		{name: "installable", mode: ModeError, environments: true, facts: true, run: (*judge).installable},
		{name: "libraries", mode: ModeError, environments: true, facts: true, run: (*judge).libraries},
		{name: "symbols", mode: ModeError, environments: true, facts: true, run: (*judge).symbols},
		{name: "numpy", mode: ModeError, environments: true, facts: true, run: (*judge).numpy},
		{name: "abi3", mode: ModeError, environments: true, facts: true, run: (*judge).abi3},
		{name: "glibc", mode: ModeError, environments: true, facts: true, run: (*judge).glibc},
		{name: "coherence", mode: ModeError, environments: true, facts: true, run: (*judge).coherence},
		{name: "architectures", mode: ModeError, environments: true, run: (*judge).architectures},
		{name: "immutability", mode: ModeError, fixed: true, run: (*judge).immutability},
		{name: "sbom", mode: ModeOff, facts: true, run: (*judge).sbom},
		{name: "provenance", mode: ModeOff, run: (*judge).provenance},
		{name: "rules", mode: ModeError, run: (*judge).rules},
	}
}

// Names are the names of all gates, in the order of reports.
func Names() []string {
	var names []string
	for _, g := range gates() {
		names = append(names, g.name)
	}
	return names
}

// Run judges the candidate. What is wrong with it is in the report; the error
// is for what kept the gates from judging at all. Equal inputs give equal
// reports.
func Run(ctx context.Context, in Input) (*Report, error) {
	if in.Candidate == nil {
		return nil, errors.New("judge revision: no catalog")
	}
	j := newJudge(in)
	for _, g := range gates() {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("judge revision: %w", context.Cause(ctx))
		}
		if err := j.gate(ctx, g); err != nil {
			return nil, fmt.Errorf("judge revision: gate %s: %w", g.name, err)
		}
	}
	return j.finish(), nil
}

// gate runs one gate unless it is off or has nothing to judge by.
func (j *judge) gate(ctx context.Context, g gate) error {
	j.current = &Outcome{Name: g.name, Mode: g.mode}
	defer func() { j.outcomes = append(j.outcomes, *j.current) }()
	target := j.in.Candidate.Target
	if target != nil && target.Gates[g.name] != "" && !g.fixed {
		j.current.Mode = target.Gates[g.name]
	}
	switch {
	case j.current.Mode == ModeOff:
		return nil
	case g.name == "rules" && len(j.in.Rules) == 0:
		j.notJudged("no rules configured")
		return nil
	case g.environments && target == nil:
		j.notJudged("no target declared")
		return nil
	}
	if g.facts {
		j.missingFacts()
	}
	return g.run(j, ctx)
}

func (j *judge) notJudged(reason string) {
	j.current.Mode, j.current.Reason = ModeNotJudged, reason
}
