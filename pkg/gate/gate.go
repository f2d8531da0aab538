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
	"slices"
	"strings"
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
	// differs from the live revision are notes, and waivers that expired
	// count.
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
	// rules are what its findings may be of; the gate "rules" has others besides.
	rules []string
}

// gates are all gates, in the order of reports.
var gates = []gate{
	{name: "target", mode: ModeError, fixed: true, rules: strings.Fields("environments unknown-gate fixed-gate waiver-gate waiver-expired waiver-unused")},
	{name: "tags", mode: ModeError, environments: true, rules: strings.Fields("package-type outside requires-python same ambiguous shadowed")},
	{name: "closure", mode: ModeError, environments: true, facts: true, rules: strings.Fields("missing unmet quarantined url unreadable yanked extra extra-incomplete extra-unknown")},
	{name: "installable", mode: ModeError, environments: true, facts: true, rules: strings.Fields("none newest version no-file not-for-python")},
	{name: "libraries", mode: ModeError, environments: true, facts: true, rules: strings.Fields("unresolved version alternative unreached undeclared other-python runpath unreadable")},
	{name: "symbols", mode: ModeError, environments: true, facts: true, rules: strings.Fields("missing across alternative was-live undeclared-torch torch-minor exports-missing")},
	{name: "numpy", mode: ModeError, environments: true, facts: true, rules: strings.Fields("legacy too-old across was-live")},
	{name: "abi3", mode: ModeError, environments: true, facts: true, rules: strings.Fields("private too-new tag")},
	{name: "glibc", mode: ModeError, environments: true, facts: true, rules: strings.Fields("glibc glibcxx gcc newer-system tag")},
	{name: "coherence", mode: ModeError, environments: true, facts: true, rules: strings.Fields("pin torch-minors accelerator accelerator-majors")},
	{name: "architectures", mode: ModeError, environments: true, rules: strings.Fields("missing uneven building older partial partial-unused")},
	{name: "immutability", mode: ModeError, fixed: true, rules: strings.Fields("name target pins accelerator pythons platforms glibc glibcxx")},
	{name: "sbom", mode: ModeOff, facts: true, rules: strings.Fields("missing")},
	{name: "provenance", mode: ModeOff, rules: strings.Fields("missing")},
	{name: "rules", mode: ModeError, rules: strings.Fields("missing")},
}

// run runs a gate by its name.
func (j *judge) run(ctx context.Context, name string) error {
	return map[string]func(*judge, context.Context) error{
		"target":        (*judge).target,
		"tags":          (*judge).tags,
		"closure":       (*judge).closure,
		"installable":   (*judge).installable,
		"libraries":     (*judge).libraries,
		"symbols":       (*judge).symbols,
		"numpy":         (*judge).numpy,
		"abi3":          (*judge).abi3,
		"glibc":         (*judge).glibc,
		"coherence":     (*judge).coherence,
		"architectures": (*judge).architectures,
		"immutability":  (*judge).immutability,
		"sbom":          (*judge).sbom,
		"provenance":    (*judge).provenance,
		"rules":         (*judge).rules,
	}[name](j, ctx)
}

// Names are the names of all gates, in the order of reports.
func Names() []string {
	var names []string
	for _, g := range gates {
		names = append(names, g.name)
	}
	return names
}

func gateRank(name string) int {
	return slices.IndexFunc(gates, func(g gate) bool { return g.name == name })
}

// RuleNames are the rules of a gate, facts-missing included where it needs
// facts. The gate "rules" has those of the operator besides.
func RuleNames(name string) []string {
	i := gateRank(name)
	switch {
	case i < 0:
		return nil
	case gates[i].facts:
		return append([]string{"facts-missing"}, gates[i].rules...)
	}
	return gates[i].rules
}

// DefaultMode is the mode of a gate where the target sets none.
func DefaultMode(name string) string {
	if i := gateRank(name); i >= 0 {
		return gates[i].mode
	}
	return ""
}

// Run judges the candidate. What is wrong with it is in the report; the error
// is for what kept the gates from judging at all. Equal inputs give equal
// reports.
func Run(ctx context.Context, in Input) (*Report, error) {
	if in.Candidate == nil {
		return nil, errors.New("judge revision: no catalog")
	}
	j := newJudge(in)
	for _, g := range gates {
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
	case g.name == "rules" && len(j.in.Rules) == 0 && (target == nil || target.Gates[g.name] == ""):
		j.notJudged("no rules configured")
		return nil
	case g.environments && target == nil:
		j.notJudged("no target declared")
		return nil
	}
	if g.facts {
		j.missingFacts()
	}
	return j.run(ctx, g.name)
}

func (j *judge) notJudged(reason string) {
	j.current.Mode, j.current.Reason = ModeNotJudged, reason
}
