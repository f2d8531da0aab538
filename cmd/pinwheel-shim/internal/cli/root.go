// Package cli is the command line of the pinwheel-shim program, one file per
// command. The answer goes to standard output, everything else to standard
// error.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/shim/source"
)

// Main runs the program and returns its exit code. SIGTERM and SIGINT end a
// server in order; a second one ends it at once.
func Main(args []string, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	root := command()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return option.ExitOK
	}
	fmt.Fprintln(errOut, "pinwheel-shim:", err)
	if hint := hintFor(err); hint != "" {
		fmt.Fprintln(errOut, "hint:", hint)
	}
	return option.ExitCode(err)
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "pinwheel-shim",
		Short:         "Serve Python package indexes from OCI registries",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return option.Usage(err) })
	root.AddCommand(serveCommand(), versionCommand())
	return root
}

// hintFor tells what to do next about errors that do not say so themselves.
func hintFor(err error) string {
	var damaged *source.DamagedStateError
	switch {
	case option.IsUsage(err):
		return "see --help for examples"
	case errors.As(err, &damaged):
		return "the file remembers what was served last, so that nobody can replay something older; restore it from a backup, " +
			"or remove it if you accept that the next start trusts the registry and the policy's minSerial alone"
	case errors.Is(err, syscall.EADDRINUSE):
		return "another program listens there; choose another address with --listen"
	default:
		return ""
	}
}
