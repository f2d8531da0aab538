// Command pinwheel-shim serves package indexes from OCI registries and layouts
// to pip and uv. It only reads.
package main

import (
	"os"

	"github.com/pinwheel-oci/pinwheel/cmd/pinwheel-shim/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
