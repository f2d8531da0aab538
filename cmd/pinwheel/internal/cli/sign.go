package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
)

func (p *program) signCommand() *cobra.Command {
	var (
		f       writeFlags
		refresh bool
		expires time.Duration
		epoch   uint64
	)
	cmd := &cobra.Command{
		Use:   "sign --refresh",
		Short: "Renew the freshness of what is live",
		Long: `Sign --refresh says anew, signed, that the present promotion still holds. A key
with the role refresh is enough: it cannot change what is live. The key that
signed the promotion is named with --trust.`,
		Example: `  pinwheel sign --refresh --to registry.example/tools/wheels-3.4 --index tools/3.4/cpu-ubi9 --key refresh.key --trust promote.pub`,
		Args:    option.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !refresh {
				return option.Usage(errors.New("nothing to do: give --refresh"))
			}
			return p.refresh(cmd.Context(), &f, expires, epoch)
		},
	}
	f.add(cmd, p, false)
	cmd.Flags().BoolVar(&refresh, "refresh", false, "renew the freshness statement of the head")
	cmd.Flags().DurationVar(&expires, "expires", publish.DefaultExpiry, "`time` for which the head is fresh from now")
	cmd.Flags().Uint64Var(&epoch, "epoch", 1, "epoch `number` of the index")
	return cmd
}

func (p *program) refresh(ctx context.Context, f *writeFlags, expires time.Duration, epoch uint64) error {
	name, err := f.parse()
	if err != nil {
		return err
	}
	signers, err := p.loadSigners(ctx, f.keys, f.passwordFile)
	if err != nil {
		return err
	}
	if len(signers) != 1 {
		return option.Usage(errors.New("a freshness statement has one signature: give one --key"))
	}
	trusted, err := f.trusted()
	if err != nil {
		return err
	}
	s, _, err := p.store.Open(ctx, f.to, p.asWriter)
	if err != nil {
		return err
	}
	lease, err := p.lease(f)
	if err != nil {
		return err
	}
	r, err := publish.Refresh(ctx, s, publish.RefreshOptions{
		Name: name, Expiry: expires, Signer: signers[0], Trusted: trusted, Epoch: epoch, Lease: lease, Now: p.now(),
	})
	if err != nil {
		return err
	}
	return p.answer(r, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "head     %d %s\nfresh    until %s\n", r.Sequence, r.Head, stamp(r.Expires))
		return err
	})
}
