package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
)

type markFlags struct {
	revisionFlags
	reason string
}

func (p *program) markCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mark",
		Short: "Yank, withdraw and give projects a status",
		Long: `Mark says something about what an index has already. Like 'pinwheel publish' it
writes one new revision, which is the candidate; users see it after 'pinwheel
promote'. Files are selected by name, by project, or by project and versions.`,
		Example: `  pinwheel mark yank --to oci-layout:/srv/wheels --index tools/3.4/cpu-ubi9 --key release.key --reason "crashes on start" numpy==2.2.5
  pinwheel mark withdraw --to oci-layout:/srv/wheels --index tools/3.4/cpu-ubi9 --key release.key --reason "stolen name" nunpy`,
		Args: cobra.ArbitraryArgs,
		RunE: subcommands,
	}
	cmd.AddCommand(p.yankCommand(), p.unyankCommand(), p.withdrawCommand(), p.statusCommand())
	return cmd
}

// markOne is a command that marks the files of its arguments.
func (p *program) markOne(cmd *cobra.Command, reason string, fill func(o *publish.Options, reason string, s publish.Selector) error) *cobra.Command {
	var f markFlags
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.writeRevision(cmd.Context(), &f.revisionFlags, func(o *publish.Options) error {
			if len(args) == 0 {
				return option.Usage(errors.New("nothing selected: name a file, a project, or versions as in 'numpy<2'"))
			}
			list, err := selectors(args)
			for _, s := range list {
				if err == nil {
					err = fill(o, f.reason, s)
				}
			}
			return err
		})
	}
	f.add(cmd, p)
	if reason != "" {
		cmd.Flags().StringVar(&f.reason, "reason", "", reason)
	}
	return cmd
}

func (p *program) yankCommand() *cobra.Command {
	return p.markOne(&cobra.Command{
		Use:   "yank SELECTOR...",
		Short: "Mark files as not to be chosen any more",
		Long: `Yank marks files so that installers choose them only where exactly that version
is asked for (PEP 592). The files stay listed. 'pinwheel mark unyank' takes it
back.`,
		Example: `  pinwheel mark yank --to oci-layout:/srv/wheels --index tools/3.4/cpu-ubi9 --key release.key --reason "crashes on start" numpy==2.2.5`,
	}, "`text` that says why; installers show it", func(o *publish.Options, reason string, s publish.Selector) error {
		o.Yank = append(o.Yank, publish.Mark{Selector: s, Reason: reason})
		return nil
	})
}

func (p *program) unyankCommand() *cobra.Command {
	return p.markOne(&cobra.Command{
		Use:     "unyank SELECTOR...",
		Short:   "Let yanked files be chosen again",
		Long:    `Unyank takes back what 'pinwheel mark yank' said of files.`,
		Example: `  pinwheel mark unyank --to oci-layout:/srv/wheels --index tools/3.4/cpu-ubi9 --key release.key numpy==2.2.5`,
	}, "", func(o *publish.Options, _ string, s publish.Selector) error {
		o.Unyank = append(o.Unyank, s)
		return nil
	})
}

func (p *program) withdrawCommand() *cobra.Command {
	return p.markOne(&cobra.Command{
		Use:   "withdraw SELECTOR...",
		Short: "Take files away for cause, for good",
		Long: `Withdraw takes files off the pages and forbids their download: also of retired
ones, of pinned revisions and on mirrors, because the signed head says so once
the revision is promoted. Readers are told the reason. It cannot be taken back,
and the names are never used again; publish a higher version or build tag.

FILENAME@sha256:HEX withdraws a file that the index does not know any more.`,
		Example: `  pinwheel mark withdraw --to oci-layout:/srv/wheels --index tools/3.4/cpu-ubi9 --key release.key --reason "malicious code" demo==1.3`,
	}, "`text` that says why; readers are shown it", func(o *publish.Options, reason string, s publish.Selector) error {
		if reason == "" {
			return option.Usage(errors.New("no reason: say with --reason TEXT why the files are withdrawn"))
		}
		o.Withdraw = append(o.Withdraw, publish.Mark{Selector: s, Reason: reason})
		return nil
	})
}

func (p *program) statusCommand() *cobra.Command {
	var f markFlags
	cmd := &cobra.Command{
		Use:   "status PROJECT archived|quarantined|deprecated|active",
		Short: "Give a project a status",
		Long: `Status marks a project as PEP 792 has it. An archived project takes no new
files; of a quarantined one no file is offered; a deprecated one is no longer
recommended; active takes the status away.`,
		Example: `  pinwheel mark status --to oci-layout:/srv/wheels --index tools/3.4/cpu-ubi9 --key release.key --reason "use numpy" numeric archived`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.writeRevision(cmd.Context(), &f.revisionFlags, func(o *publish.Options) error {
				if len(args) != 2 {
					return option.Usage(fmt.Errorf("%s wants a PROJECT and its status: archived, quarantined, deprecated or active", cmd.CommandPath()))
				}
				o.Status = []publish.StatusMark{{Project: args[0], Status: args[1], Reason: f.reason}}
				return nil
			})
		},
	}
	f.add(cmd, p)
	cmd.Flags().StringVar(&f.reason, "reason", "", "`text` that says why; readers are shown it")
	return cmd
}

func selectors(args []string) ([]publish.Selector, error) {
	var list []publish.Selector
	for _, arg := range args {
		s, err := publish.ParseSelector(arg)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}
