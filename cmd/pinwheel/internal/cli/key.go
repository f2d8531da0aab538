package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
)

func (p *program) keyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "key", Short: "Make signing keys",
		Long:    "Key makes the key pairs that publish, promote and sign use.",
		Example: "  pinwheel key new release",
		Args:    cobra.ArbitraryArgs, RunE: subcommands,
	}
	cmd.AddCommand(p.keyNewCommand())
	return cmd
}

type newKey struct {
	Private string `json:"private"`
	Public  string `json:"public"`
	KeyID   string `json:"key-id"`
}

func (p *program) keyNewCommand() *cobra.Command {
	var (
		kind         string
		passwordFile string
		noPassword   bool
	)
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Make a key pair: NAME.key and NAME.pub",
		Long: `New writes a private key to NAME.key, encrypted as cosign encrypts keys, and the
public key to NAME.pub. What a key may sign (release, promote, refresh) is said
by the policy of whoever verifies. Existing files are never overwritten.`,
		Example: `  pinwheel key new release
  PINWHEEL_KEY_PASSWORD=… pinwheel key new --type ed25519 refresh`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return option.Usage(errors.New("key new wants one NAME"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var password []byte
			if !noPassword {
				var err error
				source := sign.PasswordSource{File: passwordFile, Terminal: sign.OpenTerminal(p.in, p.err), Confirm: true}
				if password, err = passwords(cmd.Context(), p.in, source)(); err != nil {
					return fmt.Errorf("%w; or give --no-password for a key in the clear", err)
				}
			}
			return p.newKey(args[0], kind, password)
		},
	}
	cmd.Flags().StringVar(&kind, "type", "ecdsa-p256", "`kind` of key: ecdsa-p256 (which cosign and container policies take) or ed25519")
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "`file` with the password; otherwise $PINWHEEL_KEY_PASSWORD or the terminal")
	cmd.Flags().BoolVar(&noPassword, "no-password", false, "do not encrypt the private key")
	return cmd
}

func (p *program) newKey(name, kind string, password []byte) error {
	private, public, err := sign.Generate(kind, password, rand.Reader)
	if err != nil {
		return option.Usage(err)
	}
	key, err := dsse.ParsePublicKey(public)
	if err != nil {
		return err
	}
	k := newKey{Private: name + ".key", Public: name + ".pub", KeyID: key.KeyID()}
	if _, err := os.Lstat(k.Public); err == nil {
		return option.Usage(fmt.Errorf("%s exists; keys are never overwritten", k.Public))
	}
	if err := create(k.Private, private, 0o600); err != nil {
		return err
	}
	if err := create(k.Public, public, 0o644); err != nil {
		return errors.Join(err, os.Remove(k.Private))
	}
	return p.answer(k, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "private  %s\npublic   %s\nkey id   %s\n", k.Private, k.Public, k.KeyID)
		return err
	})
}

func create(file string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, os.ErrExist) {
		return option.Usage(fmt.Errorf("%s exists; keys are never overwritten", file))
	}
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return errors.Join(err, os.Remove(file))
	}
	return f.Close()
}
