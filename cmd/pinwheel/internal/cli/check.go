package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

const formatSARIF = "sarif"

// checked is what check says of one file.
type checked struct {
	File     string    `json:"file"`
	OK       bool      `json:"ok"`
	Project  string    `json:"project,omitempty"`
	Version  string    `json:"version,omitempty"`
	SHA256   string    `json:"sha256,omitempty"`
	Size     int64     `json:"size,omitempty"`
	Unpacked int64     `json:"unpacked,omitempty"`
	Licenses []string  `json:"licenses,omitempty"`
	SBOMs    []string  `json:"sboms,omitempty"`
	Refusals []finding `json:"refusals,omitempty"`
	Warnings []finding `json:"warnings,omitempty"`
	Error    string    `json:"error,omitempty"` // why it could not be read at all
}

type finding struct {
	Rule   string `json:"rule"`
	Member string `json:"member,omitempty"`
	Reason string `json:"reason"`
}

// String is "rule: member: reason", with nothing that spoils a terminal.
func (f finding) String() string {
	return f.Rule + ": " + (&wheel.Error{Member: f.Member, Reason: f.Reason}).Error()
}

func (p *program) checkCommand() *cobra.Command {
	var sdists bool
	cmd := &cobra.Command{
		Use:   "check FILE|DIR...",
		Short: "Check wheels without publishing them",
		Long: `Check reads wheels and sdists as publish does, and takes each for hostile until
all rules say otherwise: paths, the structure of the archive, RECORD in both
directions, tags, metadata, entry points and kinds of binaries. A refusal names
rule, member and reason; warnings never change the exit code. docs/intake.md
explains the rules.`,
		Example: `  pinwheel check dist/
  pinwheel check --format json numpy-2.2.6-cp312-cp312-linux_x86_64.whl
  pinwheel check --format sarif dist/ >check.sarif`,
		Annotations: map[string]string{moreFormats: formatSARIF},
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := findFiles(args, sdists)
			if err != nil {
				return err
			}
			bar := p.newReading(files)
			err = inspectFiles(cmd.Context(), files, bar)
			bar.clear()
			if err != nil {
				return err
			}
			return p.reportChecks(files)
		},
	}
	cmd.Flags().BoolVar(&sdists, "sdists", false, "take sdists from directories too")
	return p.withCapture(cmd)
}

func (p *program) reportChecks(files []inspected) error {
	list := make([]checked, 0, len(files))
	bad := 0
	for _, f := range files {
		c := newChecked(f)
		if !c.OK {
			bad++
		}
		list = append(list, c)
	}
	var err error
	if p.format == formatSARIF {
		e := json.NewEncoder(p.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		err = e.Encode(newSARIF(list, option.Version()))
	} else {
		err = p.answer(list, func(w io.Writer) error {
			for _, c := range list {
				c.print(w)
			}
			return nil
		})
	}
	if unread := unreadable(files); err == nil && unread != nil {
		return unread
	}
	if err == nil && bad > 0 {
		return option.Input(fmt.Errorf("%d of %d files are not fit to be published", bad, len(list)))
	}
	return err
}

// unreadable is what kept files from being judged, such as a full disk: no fault
// of theirs. It is nil if there is nothing of the kind.
func unreadable(files []inspected) error {
	n := 0
	var first error
	for _, f := range files {
		var given interface{ Input() bool }
		if f.err == nil || len(wheel.Refusals(f.err)) > 0 || errors.As(f.err, &given) {
			continue
		}
		if n++; first == nil {
			first = f.err
		}
	}
	if n == 0 {
		return nil
	}
	hint := ""
	if errors.Is(first, syscall.ENOSPC) {
		hint = "; large libraries are unpacked into $TMPDIR: make room there, or name another directory"
	}
	return fmt.Errorf("%d of %d files could not be judged%s: %w", n, len(files), hint, first)
}

func newChecked(f inspected) checked {
	c := checked{File: f.path, OK: f.err == nil}
	for _, e := range wheel.Refusals(f.err) {
		c.Refusals = append(c.Refusals, finding{string(e.Rule), e.Member, e.Reason})
	}
	switch {
	case f.err != nil && c.Refusals == nil:
		c.Error = f.err.Error()
	case f.err == nil:
		c.Project, c.Version, c.SHA256, c.Size = f.info.Project, f.info.Version.String(), f.info.SHA256, f.info.Size
		c.Unpacked, c.Licenses, c.SBOMs = f.info.Unpacked, f.info.Licenses, f.info.SBOMs
		for _, w := range f.info.Warnings {
			c.Warnings = append(c.Warnings, finding{string(w.Rule), w.Member, w.Reason})
		}
	}
	return c
}

func (c *checked) print(w io.Writer) {
	file := (&wheel.Error{File: c.File}).Error()
	switch {
	case c.Error != "":
		fmt.Fprintf(w, "BAD  %s  %s\n", file, (&wheel.Error{File: c.Error}).Error())
	case c.OK:
		fmt.Fprintf(w, "ok   %s  %s %s  %s\n", file, c.Project, c.Version, size(c.Size))
	}
	for _, f := range c.Refusals {
		fmt.Fprintf(w, "BAD  %s  %v\n", file, f)
	}
	for _, f := range c.Warnings {
		fmt.Fprintf(w, "warn %s  %v\n", file, f)
	}
}
