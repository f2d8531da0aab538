package gate

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// Bounds of a rule's command.
const (
	RuleTimeout   = time.Minute
	MaxRuleOutput = 4 << 20
	maxRuleErrors = 4 << 10
)

// Rule is a check of the operator's own: a command that gets a [RuleInput] as
// JSON on its standard input and writes a [RuleOutput] to its standard output.
// If it has no answer in time, or ends with another exit status than 0, that is
// an error of the gate, with what the command wrote to its standard error.
type Rule struct {
	// Name is lower-case letters, digits and dashes.
	Name string
	// Command is the program and its arguments; no shell is involved.
	Command []string
	// Timeout is RuleTimeout if it is 0.
	Timeout time.Duration
}

// RuleInput is what a rule is given.
type RuleInput struct {
	// Catalog as in docs/format.md.
	Catalog *index.Catalog `json:"catalog"`
	// Facts of the listed files, each once, in the order of the catalog.
	Facts  []*facts.Wheel `json:"facts"`
	Format int            `json:"format"`
	// Live is the catalog of the live revision.
	Live *index.Catalog `json:"live,omitempty"`
}

// RuleOutput is what a rule answers.
type RuleOutput struct {
	Findings []RuleFinding `json:"findings"`
}

// RuleFinding is a [Finding] as a rule writes it.
type RuleFinding struct {
	Filename string `json:"filename,omitempty"`
	Fix      string `json:"fix,omitempty"`
	Member   string `json:"member,omitempty"`
	Message  string `json:"message"`
	Project  string `json:"project,omitempty"`
	// Rule, if given, tells the rule's findings apart.
	Rule     string `json:"rule,omitempty"`
	Severity string `json:"severity"`
	Version  string `json:"version,omitempty"`
}

var ruleName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// rulesDemanded reports that the target sets the gate, and so demands rules, of
// which none were given: an index whose rules anybody can leave out has none.
func (j *judge) rulesDemanded() {
	f := Finding{Severity: Error, Rule: "missing", Message: "the target sets the gate rules, and no rule was given", Fix: "give the rules of this index: --rule NAME=PROGRAM"}
	if j.in.Rollback { // the contents were judged by them before they were live
		f.Severity = Warn
	}
	j.add(f)
}

// rules runs the operator's own checks.
func (j *judge) rules(ctx context.Context) error {
	if len(j.in.Rules) == 0 {
		j.rulesDemanded()
		return nil
	}
	input := RuleInput{Catalog: j.in.Candidate, Facts: []*facts.Wheel{}, Format: FormatVersion, Live: j.in.Live}
	seen := map[string]bool{}
	for _, f := range j.now.files {
		if f.facts != nil && !seen[f.SHA256] {
			seen[f.SHA256] = true
			input.Facts = append(input.Facts, f.facts)
		}
	}
	data, err := strictjson.Marshal(input)
	if err != nil {
		return fmt.Errorf("encode facts: %w", err)
	}
	for _, r := range j.in.Rules {
		if !ruleName.MatchString(r.Name) || len(r.Command) == 0 {
			return fmt.Errorf("rule %q: not a name of lower-case letters, digits and dashes, or no command", r.Name)
		}
		findings, err := r.run(ctx, data)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			j.add(Finding{Severity: Error, Rule: r.Name, Message: fmt.Sprintf("rule %s: %v", r.Name, err), Fix: "see to the command of the rule"})
			continue
		}
		for _, f := range findings {
			j.add(f)
		}
	}
	return nil
}

func (r Rule) run(ctx context.Context, input []byte) ([]Finding, error) {
	timeout := cmp.Or(r.Timeout, RuleTimeout)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	stdout, stderr := &limited{limit: MaxRuleOutput}, &limited{limit: maxRuleErrors}
	cmd := exec.CommandContext(ctx, r.Command[0], r.Command[1:]...) //nolint:gosec // commands that the operator configured are what this is for
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), stdout, stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("no answer within %s", timeout)
	case err != nil && stderr.kept.Len() > 0:
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(strings.ToValidUTF8(stderr.kept.String(), "\uFFFD")))
	case err != nil:
		return nil, err
	case stdout.over:
		return nil, fmt.Errorf("more than %d bytes of output", MaxRuleOutput)
	}
	var out RuleOutput
	if err := strictjson.Unmarshal(stdout.kept.Bytes(), &out); err != nil {
		return nil, fmt.Errorf("read its findings: %w", err)
	}
	return r.findings(out)
}

func (r Rule) findings(out RuleOutput) ([]Finding, error) {
	var list []Finding
	for i, f := range out.Findings {
		if severityRank(f.Severity) < 0 || f.Message == "" || f.Rule != "" && !ruleName.MatchString(f.Rule) {
			return nil, fmt.Errorf("finding %d: severity %q, rule %q, or no message", i, f.Severity, f.Rule)
		}
		name := r.Name
		if f.Rule != "" {
			name += "/" + f.Rule
		}
		list = append(list, Finding{
			Filename: f.Filename, Fix: f.Fix, Member: f.Member, Message: f.Message, Project: f.Project, Rule: name,
			Severity: f.Severity, Version: f.Version,
		})
	}
	return list, nil
}

// limited is a buffer that keeps the first bytes and swallows the rest, so that
// a command is not stopped in the middle of a sentence. It embeds no buffer:
// io.Copy would use its ReadFrom, which knows no limit.
type limited struct {
	kept  bytes.Buffer
	limit int
	over  bool
}

func (l *limited) Write(p []byte) (int, error) {
	room := l.limit - l.kept.Len()
	l.over = l.over || len(p) > room
	l.kept.Write(p[:min(len(p), room)])
	return len(p), nil
}
