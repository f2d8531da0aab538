package cli

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

// writeFlags are those of commands that write and sign.
type writeFlags struct {
	to           string
	name         string
	keys         []string
	passwordFile string
	trust        []string
	dryRun       bool
	plan         string
	lease        leaseFlags
}

func (f *writeFlags) add(cmd *cobra.Command, p *program, plans bool) {
	p.store.AddFlags(cmd.Flags())
	cmd.Flags().StringVar(&f.to, "to", os.Getenv("PINWHEEL_TO"), "`place` to write to: a repository (HOST/REPO) or a layout (oci-layout:DIR); default $PINWHEEL_TO")
	cmd.Flags().StringVar(&f.name, "index", os.Getenv("PINWHEEL_INDEX"), "`name` of the index, PRODUCT/SERIES/VARIANT; default $PINWHEEL_INDEX")
	cmd.Flags().StringArrayVar(&f.keys, "key", nil, "private key `file` to sign with (repeat for several signatures)")
	cmd.Flags().StringVar(&f.passwordFile, "password-file", "", "`file` with the key's password; otherwise $PINWHEEL_KEY_PASSWORD or the terminal")
	cmd.Flags().StringArrayVar(&f.trust, "trust", nil, "public key `file` that may have signed what is there, besides the signing keys")
	f.lease.add(cmd)
	if plans {
		cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print the plan with its digests and write nothing (but the plan itself, with --plan)")
		cmd.Flags().StringVar(&f.plan, "plan", "", "save the plan to `file` before applying it; if the file exists, apply that plan again")
	}
}

func (f *writeFlags) parse() (index.Name, error) {
	if err := f.checkTo(); err != nil {
		return index.Name{}, err
	}
	if f.name == "" {
		return index.Name{}, option.Usage(errors.New("no index: give --index PRODUCT/SERIES/VARIANT, such as tools/3.4/cpu-ubi9"))
	}
	name, err := index.ParseName(f.name)
	if err != nil {
		return index.Name{}, option.Usage(fmt.Errorf("--index %q: %w", f.name, err))
	}
	return name, nil
}

func (f *writeFlags) checkTo() error {
	if f.to == "" {
		return option.Usage(errors.New("no destination: give --to HOST/REPO or --to oci-layout:DIR"))
	}
	ref, err := registry.ParseReference(f.to)
	if err != nil {
		return option.Usage(fmt.Errorf("--to: %w", err))
	}
	if ref.Name() != "" {
		return option.Usage(fmt.Errorf("--to %s: leave out tag and digest; tags follow from the name of the index", f.to))
	}
	_, err = f.lease.resolve()
	return err
}

func (f *writeFlags) trusted() ([]dsse.PublicKey, error) { return loadPublicKeys(f.trust) }

func loadPublicKeys(files []string) ([]dsse.PublicKey, error) {
	var keys []dsse.PublicKey
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, option.Input(fmt.Errorf("key: %w", err))
		}
		k, err := dsse.ParsePublicKey(data)
		if err != nil {
			return nil, option.Input(fmt.Errorf("key %s: %w", file, err))
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// whoami is the default of --by.
func whoami() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
