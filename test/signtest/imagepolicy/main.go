// Command imagepolicy copies an image with the podman/skopeo image library
// under a policy.json, as `skopeo copy --policy FILE --registries.d DIR` does.
//
// It exists because Debian builds skopeo, podman and buildah without sigstore
// verification ("Debian-local change: sigstore disabled"), so they cannot show
// that the library accepts our signatures. It is a module of its own: nothing
// of the product depends on that library.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"go.podman.io/image/v5/copy"
	"go.podman.io/image/v5/directory"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/signature"
	"go.podman.io/image/v5/types"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "imagepolicy:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("imagepolicy", flag.ContinueOnError)
	policyFile := flags.String("policy", "", "policy.json `file`")
	registriesD := flags.String("registries.d", "", "`directory` of registries.d files")
	all := flags.Bool("all", false, "copy an index with all its manifests")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 || *policyFile == "" || *registriesD == "" {
		return errors.New("usage: imagepolicy --policy FILE --registries.d DIR [--all] //HOST/REPO@DIGEST DIR|//HOST/REPO:TAG")
	}
	policy, err := signature.NewPolicyFromFile(*policyFile)
	if err != nil {
		return err
	}
	enforce, err := signature.NewPolicyContext(policy)
	if err != nil {
		return err
	}
	defer enforce.Destroy()
	source, err := docker.ParseReference(flags.Arg(0))
	if err != nil {
		return err
	}
	target, err := reference(flags.Arg(1))
	if err != nil {
		return err
	}
	sys := &types.SystemContext{
		RegistriesDirPath:           *registriesD,
		SystemRegistriesConfPath:    os.DevNull,
		SystemRegistriesConfDirPath: os.DevNull,
		DockerInsecureSkipTLSVerify: types.OptionalBoolTrue,
	}
	selection := copy.CopySystemImage
	if *all {
		selection = copy.CopyAllImages
	}
	_, err = copy.Image(ctx, enforce, target, source, &copy.Options{
		SourceCtx: sys, DestinationCtx: sys, ImageListSelection: selection, PreserveDigests: true,
	})
	return err
}

func reference(s string) (types.ImageReference, error) {
	if len(s) > 2 && s[:2] == "//" {
		return docker.ParseReference(s)
	}
	return directory.NewReference(s)
}
