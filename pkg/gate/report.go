package gate

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// FormatVersion is the version of reports.
const FormatVersion = 1

// Bounds of a report: its bytes, and the findings of each severity that it
// lists for one gate (all are counted).
const (
	MaxReport   = 16 << 20
	MaxFindings = 1000
)

// Results of a report.
const (
	Pass = "pass"
	Fail = "fail"
)

// Severities of findings. A finding of severity error that is not waived makes
// the revision fail.
const (
	Error = "error"
	Warn  = "warn"
	Note  = "note"
)

// Report is what the gates found, with fields in the order of JSON members.
type Report struct {
	// Findings are sorted: by gate, severity, rule, project, version, file.
	Findings []Finding `json:"findings"`
	Format   int       `json:"format"`
	// Gates has every gate, those that are off too.
	Gates []Outcome `json:"gates"`
	// Index is <product>/<series>/<variant>.
	Index  string    `json:"index"`
	Issued time.Time `json:"issued"`
	// Live is the revision that was live then.
	Live     digest.Digest `json:"live,omitempty"`
	Result   string        `json:"result"`
	Rollback bool          `json:"rollback,omitzero"`
	Serial   uint64        `json:"serial"`
	// Transition is the reason of a declared change of ABI.
	Transition string `json:"transition,omitempty"`
}

// Outcome sums up one gate.
type Outcome struct {
	Errors int    `json:"errors"`
	Mode   string `json:"mode"`
	Name   string `json:"name"`
	Notes  int    `json:"notes"`
	// Omitted are findings that are counted but not listed.
	Omitted int `json:"omitted,omitzero"`
	// Reason says why the gate did not judge.
	Reason string `json:"reason,omitempty"`
	// Waived are findings that would be errors or warnings.
	Waived   int `json:"waived"`
	Warnings int `json:"warnings"`
}

// Finding is one thing that a gate found. Which members it has depends on the
// rule; Gate, Severity, Rule and Message are always there.
type Finding struct {
	// Environments in which it was found, none if it does not depend on them.
	Environments []Environment `json:"environments,omitempty"`
	Filename     string        `json:"filename,omitempty"`
	// Fix says what to do.
	Fix  string `json:"fix,omitempty"`
	Gate string `json:"gate"`
	// Member of the wheel.
	Member  string `json:"member,omitempty"`
	Message string `json:"message"`
	Project string `json:"project,omitempty"`
	// Requirement is a line of Requires-Dist or a DT_NEEDED entry.
	Requirement string `json:"requirement,omitempty"`
	// Rule is a short stable name, unique within the gate.
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	// Symbols are the first of SymbolCount symbols or, of the gate libraries,
	// names of libraries.
	SymbolCount int      `json:"symbol-count,omitzero"`
	Symbols     []string `json:"symbols,omitempty"`
	// Tried are the provider versions that were looked at, such as
	// "torch 2.9.1".
	Tried   []string `json:"tried,omitempty"`
	Version string   `json:"version,omitempty"`
	Waived  *Waived  `json:"waived,omitempty"`
}

// Environment is one Python on one platform, as the target names them.
type Environment struct {
	Platform string `json:"platform"`
	Python   string `json:"python"`
}

func (e Environment) String() string { return "Python " + e.Python + " on " + e.Platform }

// Waived says which waiver lets a finding pass.
type Waived struct {
	Expires time.Time `json:"expires"`
	Reason  string    `json:"reason"`
	Ticket  string    `json:"ticket"`
}

// Encode returns the canonical bytes of the report.
func (r *Report) Encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("encode gate report: %w", err)
	}
	data, err := strictjson.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode gate report: %w", err)
	}
	if len(data) > MaxReport {
		return nil, fmt.Errorf("encode gate report: %d bytes, the limit is %d", len(data), MaxReport)
	}
	return data, nil
}

// DecodeReport reads the canonical bytes of a report and checks that its
// findings, counts and result agree.
func DecodeReport(data []byte) (*Report, error) {
	if len(data) > MaxReport {
		return nil, fmt.Errorf("decode gate report: %d bytes, the limit is %d", len(data), MaxReport)
	}
	var r Report
	if err := strictjson.UnmarshalCanonical(data, &r); err != nil {
		return nil, fmt.Errorf("decode gate report: %w", err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("decode gate report: %w", err)
	}
	return &r, nil
}

func (r *Report) check() error {
	if r.Format != FormatVersion {
		return fmt.Errorf("format %d, this program reads %d", r.Format, FormatVersion)
	}
	if _, offset := r.Issued.Zone(); offset != 0 || r.Issued.Nanosecond() != 0 || r.Issued.Year() < 2000 || r.Issued.Year() > 9999 {
		return errors.New("issued is not in UTC and whole seconds from the year 2000 on")
	}
	if r.Live != "" {
		if err := r.Live.Validate(); err != nil {
			return fmt.Errorf("live: %w", err)
		}
	}
	names := Names()
	listed := slices.EqualFunc(r.Gates, names, func(o Outcome, name string) bool { return o.Name == name })
	if !listed {
		return fmt.Errorf("the gates are not %v", names)
	}
	counted := map[string]*Outcome{}
	for i := range r.Findings {
		f := &r.Findings[i]
		if err := f.check(); err != nil {
			return fmt.Errorf("finding %d: %w", i, err)
		}
		if i > 0 && compareFindings(&r.Findings[i-1], f) > 0 {
			return fmt.Errorf("finding %d is not in order", i)
		}
		if counted[f.Gate] == nil {
			counted[f.Gate] = &Outcome{}
		}
		counted[f.Gate].count(f)
	}
	return r.checkCounts(counted)
}

// checkCounts holds the summary against the findings.
func (r *Report) checkCounts(counted map[string]*Outcome) error {
	want := Pass
	for _, o := range r.Gates {
		c := counted[o.Name]
		if c == nil {
			c = &Outcome{}
		}
		missing := 0
		for _, n := range []int{o.Errors - c.Errors, o.Warnings - c.Warnings, o.Notes - c.Notes, o.Waived - c.Waived} {
			if n < 0 {
				return fmt.Errorf("gate %s lists more findings than it counts", o.Name)
			}
			missing += n
		}
		if missing != o.Omitted {
			return fmt.Errorf("gate %s omits %d findings and says %d", o.Name, missing, o.Omitted)
		}
		switch o.Mode {
		case ModeError, ModeWarn, ModeOff, ModeNotJudged:
		default:
			return fmt.Errorf("gate %s: mode %q", o.Name, o.Mode)
		}
		if o.Errors > 0 {
			want = Fail
		}
	}
	if r.Result != want {
		return fmt.Errorf("result %q, the findings say %q", r.Result, want)
	}
	return nil
}

func (f *Finding) check() error {
	switch {
	case severityRank(f.Severity) < 0:
		return fmt.Errorf("severity %q", f.Severity)
	case gateRank(f.Gate) < 0:
		return fmt.Errorf("gate %q", f.Gate)
	case f.Gate == "rules" && f.Rule == "" || f.Gate != "rules" && !slices.Contains(RuleNames(f.Gate), f.Rule):
		return fmt.Errorf("gate %s has no rule %q", f.Gate, f.Rule)
	case f.Message == "":
		return errors.New("no message")
	}
	return nil
}

// count adds f, whose severity is what it would be were it not waived.
func (o *Outcome) count(f *Finding) {
	switch {
	case f.Waived != nil:
		o.Waived++
	case f.Severity == Error:
		o.Errors++
	case f.Severity == Warn:
		o.Warnings++
	default:
		o.Notes++
	}
}

func severityRank(s string) int { return slices.Index([]string{Error, Warn, Note}, s) }

func compareFindings(a, b *Finding) int {
	return cmp.Or(
		cmp.Compare(gateRank(a.Gate), gateRank(b.Gate)),
		cmp.Compare(severityRank(a.Severity), severityRank(b.Severity)),
		cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(a.Project, b.Project),
		cmp.Compare(a.Version, b.Version),
		cmp.Compare(a.Filename, b.Filename),
		cmp.Compare(a.Member, b.Member),
		cmp.Compare(a.Requirement, b.Requirement),
		cmp.Compare(a.Message, b.Message),
		slices.Compare(a.Tried, b.Tried),
		slices.CompareFunc(a.Environments, b.Environments, compareEnvironments),
	)
}

func compareEnvironments(a, b Environment) int {
	return cmp.Or(cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.Python, b.Python))
}
