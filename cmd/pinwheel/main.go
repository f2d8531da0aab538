// Command pinwheel publishes Python wheels to OCI registries and layouts.
package main

import (
	"os"

	"github.com/pinwheel-oci/pinwheel/cmd/pinwheel/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
