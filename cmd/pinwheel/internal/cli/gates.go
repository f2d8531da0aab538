package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/gate"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
)

// gateFlags are about how a revision is judged.
type gateFlags struct {
	transition string
	rules      []string
	report     string
	keepFailed bool
}

func (f *gateFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.transition, "transition", "", "`reason` for a change of ABI that users of live may notice; the report keeps it")
	cmd.Flags().StringArrayVar(&f.rules, "rule", nil, "own check, as `NAME=PROGRAM`: it gets catalog and facts as JSON (repeat for several)")
	cmd.Flags().StringVar(&f.report, "report", "", "write the gates' report to `file`: JSON, or Markdown if its name ends in .md")
	cmd.Flags().BoolVar(&f.keepFailed, "keep-failed", false, "write a candidate that fails its gates, for tests; it cannot be promoted")
}

// judge is what a plan asks; it runs the gates.
func (f *gateFlags) judge(now time.Time) (publish.Judge, error) {
	var rules []gate.Rule
	for _, r := range f.rules {
		name, program, ok := strings.Cut(r, "=")
		if !ok || name == "" || program == "" {
			return nil, option.Usage(fmt.Errorf("--rule %q: want NAME=PROGRAM", r))
		}
		rules = append(rules, gate.Rule{Name: name, Command: []string{program}})
	}
	return func(ctx context.Context, d *publish.Draft) (*publish.Verdict, error) {
		report, err := gate.Run(ctx, gate.Input{
			Candidate: d.Candidate, Live: d.Live, LiveDigest: d.LiveDigest, Facts: d.Facts, Exports: d.Exports, Names: d.Names,
			Transition: f.transition, Rollback: d.Rollback, Rules: rules, Now: now,
		})
		if err != nil {
			return nil, err
		}
		data, err := report.Encode()
		return &publish.Verdict{Pass: report.Result == gate.Pass, Report: data}, err
	}, nil
}

// gatesError says that the gates found errors.
type gatesError struct{ written, rollback bool }

func (e *gatesError) Error() string {
	if e.written {
		return "the gates found errors: the candidate was written, but cannot be promoted"
	}
	if e.rollback {
		return "the gates found errors in what was to be rolled back to: nothing was written, and what is live stays; choose another revision, or publish a mended one"
	}
	return "the gates found errors: nothing was written; mend, pin or take out what the report names, or waive it in the target (--keep-failed writes the candidate all the same, for tests)"
}

// Gates tells the exit code.
func (e *gatesError) Gates() bool { return true }

// readReport is the plan's report, nil if it is ungated.
func readReport(data []byte) (*gate.Report, error) {
	if data == nil {
		return nil, nil
	}
	return gate.DecodeReport(data)
}

// checkReport holds a report against the catalog that names it.
func checkReport(data []byte, c *index.Catalog) error {
	report, err := gate.DecodeReport(data)
	if err != nil {
		return err
	}
	return report.Agrees(c)
}

// saveReport writes the report for --report.
func (f *gateFlags) saveReport(r *gate.Report) error {
	if f.report == "" || r == nil {
		return nil
	}
	file, err := os.Create(f.report)
	if err != nil {
		return option.Input(fmt.Errorf("--report: %w", err))
	}
	write := func(w io.Writer) error {
		data, err := r.Encode()
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	}
	if strings.HasSuffix(f.report, ".md") {
		write = r.Markdown
	}
	if err := write(file); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
