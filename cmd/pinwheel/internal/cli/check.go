package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

type checked struct {
	File    string `json:"file"`
	OK      bool   `json:"ok"`
	Project string `json:"project,omitempty"`
	Version string `json:"version,omitempty"`
	SHA256  string `json:"sha256,omitempty"`
	Size    int64  `json:"size,omitempty"`
	Rule    string `json:"rule,omitempty"`
	Member  string `json:"member,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

func (p *program) checkCommand() *cobra.Command {
	var sdists bool
	cmd := &cobra.Command{
		Use:   "check FILE|DIR...",
		Short: "Check wheels without publishing them",
		Long: `Check reads wheels and sdists as publish does and reports each: whether name,
version and metadata agree, and which rule a bad file breaks.`,
		Example: `  pinwheel check dist/
  pinwheel check --format json numpy-2.2.6-cp312-cp312-linux_x86_64.whl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, err := findFiles(args, sdists)
			if err != nil {
				return err
			}
			results, err := inspectFiles(cmd.Context(), paths)
			if err != nil {
				return err
			}
			return p.reportChecks(results)
		},
	}
	cmd.Flags().BoolVar(&sdists, "sdists", false, "take sdists from directories too")
	return cmd
}

func (p *program) reportChecks(results []inspected) error {
	var list []checked
	bad := 0
	for _, r := range results {
		c := checked{File: r.path, OK: r.err == nil}
		var e *wheel.Error
		switch {
		case r.err == nil:
			c.Project, c.Version, c.SHA256, c.Size = r.info.Project, r.info.Version.String(), r.info.SHA256, r.info.Size
		case errors.As(r.err, &e):
			c.Rule, c.Member, c.Reason = string(e.Rule), e.Member, e.Reason
		default:
			c.Reason = r.err.Error()
		}
		if !c.OK {
			bad++
		}
		list = append(list, c)
	}
	err := p.answer(list, func(w io.Writer) error {
		for _, c := range list {
			if c.OK {
				fmt.Fprintf(w, "ok   %s  %s %s  %s\n", c.File, c.Project, c.Version, size(c.Size))
				continue
			}
			fmt.Fprintf(w, "BAD  %s  %s\n", c.File, joinNonEmpty(c.Rule, c.Member, c.Reason))
		}
		return nil
	})
	if err == nil && bad > 0 {
		return option.Input(fmt.Errorf("%d of %d files are not fit to be published", bad, len(list)))
	}
	return err
}

func joinNonEmpty(parts ...string) string {
	s := ""
	for _, part := range parts {
		if part == "" {
			continue
		}
		if s != "" {
			s += ": "
		}
		s += part
	}
	return s
}
