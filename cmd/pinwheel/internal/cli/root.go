// Package cli is the command line of the pinwheel program, one file per
// command. The answer goes to standard output, everything else to standard
// error.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// program is what all commands share.
type program struct {
	in     *os.File
	out    io.Writer
	err    io.Writer
	now    func() time.Time
	format string
	store  option.Store
}

// Main runs the program and returns its exit code.
func Main(args []string, in *os.File, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal lets the command end in order, a second one ends it at once.
	context.AfterFunc(ctx, stop)
	p := &program{in: in, out: out, err: errOut, now: time.Now}
	root := p.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return option.ExitOK
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("interrupted: %w", context.Canceled)
	}
	fmt.Fprintln(errOut, "pinwheel:", err)
	if hint := hintFor(err); hint != "" {
		fmt.Fprintln(errOut, "hint:", hint)
	}
	return option.ExitCode(err)
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "pinwheel",
		Short:         "Publish Python wheels through OCI registries",
		SilenceErrors: true,
		SilenceUsage:  true,
		Long: `Pinwheel distributes Python wheels through OCI registries and layouts. Wheels
are published as revisions of an index; a promotion makes one revision live, and
pip and uv install from pinwheel-shim, which serves it.

Exit codes: docs/exit-codes.md. The answer goes to standard output, everything
else to standard error.`,
		Example: `  pinwheel key new release
  pinwheel publish --to oci-layout:/srv/wheels --index tools/3.4/cpu-ubi9 --key release.key dist/
  pinwheel promote --to oci-layout:/srv/wheels --index tools/3.4/cpu-ubi9 --key release.key`,
		Args:              cobra.ArbitraryArgs,
		RunE:              subcommands,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return checkFormat(cmd, p.format) },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return option.Usage(err) })
	root.PersistentFlags().StringVar(&p.format, "format", "text", "`form` of the answer: text or json")
	root.AddCommand(
		p.checkCommand(), p.publishCommand(), p.markCommand(), p.promoteCommand(), p.pruneCommand(), p.diffCommand(), p.showCommand(),
		p.verifyCommand(), p.signCommand(), p.keyCommand(), p.versionCommand(),
	)
	addCompletion(root)
	return root
}

// moreFormats is the annotation of commands that answer in other forms too,
// which it lists with blanks between.
const moreFormats = "formats"

func checkFormat(cmd *cobra.Command, format string) error {
	known := append([]string{"text", "json"}, strings.Fields(cmd.Annotations[moreFormats])...)
	if !slices.Contains(known, format) {
		return option.Usage(fmt.Errorf("--format %q: want %s", format, strings.Join(known, ", ")))
	}
	return nil
}

// addCompletion makes cobra's own command like the others.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	cmd, _, err := root.Find([]string{"completion"})
	if err != nil {
		return
	}
	cmd.Args, cmd.RunE = cobra.ArbitraryArgs, subcommands
	cmd.Example = "  pinwheel completion bash >/etc/bash_completion.d/pinwheel"
	for _, shell := range cmd.Commands() {
		shell.Example = "  " + shell.CommandPath()
		shell.Args = option.NoArgs
	}
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the program's version", Args: option.NoArgs,
		Long:    "Version prints the module version, or the commit that the program was built from.",
		Example: "  pinwheel version\n  pinwheel version --format json",
		RunE: func(*cobra.Command, []string) error {
			return p.answer(map[string]string{"version": option.Version()}, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, option.Version())
				return err
			})
		},
	}
}

// answer writes v as JSON, or what text writes.
func (p *program) answer(v any, text func(io.Writer) error) error {
	if p.format != "json" {
		return text(p.out)
	}
	e := json.NewEncoder(p.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (p *program) note(format string, args ...any) { fmt.Fprintf(p.err, format+"\n", args...) }

// subcommands is what a command does that only groups others.
func subcommands(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	err := fmt.Errorf("%s has no command %q", cmd.CommandPath(), args[0])
	cmd.SuggestionsMinimumDistance = 2
	if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
		err = fmt.Errorf("%w; did you mean %q?", err, similar[0])
	}
	return option.Usage(err)
}

// hintFor tells what to do next about errors that do not say so themselves.
func hintFor(err error) string {
	var bad *wheel.Error
	switch {
	case option.IsUsage(err):
		return "see --help for examples"
	case errors.Is(err, sign.ErrPassword):
		return "passwords come from --password-file, else $PINWHEEL_KEY_PASSWORD, else $COSIGN_PASSWORD, else the terminal"
	case errors.As(err, &bad):
		return "nothing was published; take the file out or rebuild it, and run 'pinwheel check FILE' to see all that is wrong"
	default:
		return ""
	}
}

// openForWriting opens a store to be written to; a layout is created.
func (p *program) openForWriting(ctx context.Context, ref string, bar *progress) (registry.Store, registry.Reference, error) {
	s, r, err := p.store.Open(ctx, ref, func(o *registry.Options) {
		o.CreateLayout = true
		p.asWriter(o)
		if bar != nil {
			o.Progress = bar.event
		}
	})
	return s, r, err
}

// asWriter has the clock compared: what is written is dated by it.
func (p *program) asWriter(o *registry.Options) { o.Now = p.now }

// loadSigners reads private keys, asking for passwords where they are encrypted.
func (p *program) loadSigners(ctx context.Context, files []string, passwordFile string) ([]sign.Signer, error) {
	if len(files) == 0 {
		return nil, option.Usage(errors.New("no key: give --key FILE ('pinwheel key new' makes one)"))
	}
	source := sign.PasswordSource{File: passwordFile, Terminal: sign.OpenTerminal(p.in, p.err)}
	var signers []sign.Signer
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return nil, option.Input(fmt.Errorf("key: %w", err))
		}
		s, err := sign.Load(data, passwords(ctx, p.in, source))
		if err != nil {
			return nil, option.Input(fmt.Errorf("key %s: %w", f, err))
		}
		signers = append(signers, s)
	}
	return signers, nil
}
