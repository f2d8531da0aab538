package cli

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

// leaseWait is how long a small write to a registry may take unless the user says
// otherwise; patience is how long to wait for another writer: somewhat longer than
// the lease of one that was killed.
const (
	leaseWait     = 2 * time.Second
	leaseWaitName = "PINWHEEL_LEASE_WAIT"
	patience      = publish.DefaultLease + 30*time.Second
)

// leaseFlags say how commands that write take turns.
type leaseFlags struct {
	wait   time.Duration
	writer string
}

func (f *leaseFlags) add(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&f.wait, "lease-wait", 0, "`time` within which a small write reaches the registry, which is how long to look out for other writers (default $"+leaseWaitName+", else "+leaseWait.String()+")")
}

// name is the writer's name in leases and plans: where it runs, and something that
// no other run has.
func (f *leaseFlags) name() string {
	if f.writer == "" {
		host, _ := os.Hostname()
		f.writer = writerName(host, randomHex())
	}
	return f.writer
}

func randomHex() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// writerName fits a host name to the grammar of writers.
func writerName(host, unique string) string {
	host, _, _ = strings.Cut(strings.ToLower(host), ".")
	words := strings.FieldsFunc(host, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	host = strings.Join(words, "-")
	host = strings.TrimRight(host[:min(len(host), 15)], "-")
	return strings.TrimLeft(host+"-"+unique, "-")
}

// resolve is the flag, the environment or the default.
func (f *leaseFlags) resolve() (time.Duration, error) {
	wait, err := f.wait, error(nil)
	if wait == 0 {
		wait = leaseWait
		if s := os.Getenv(leaseWaitName); s != "" {
			if wait, err = time.ParseDuration(s); err != nil {
				return 0, option.Usage(fmt.Errorf("$%s: %w", leaseWaitName, err))
			}
		}
	}
	if wait <= 0 {
		return 0, option.Usage(errors.New("--lease-wait: want a time such as 2s"))
	}
	return wait, nil
}

// lease is how a command takes its turn in the place that it writes to; nil where
// tags are swapped.
func (p *program) lease(f *writeFlags) (*publish.Lease, error) {
	ref, err := registry.ParseReference(f.to)
	if err != nil || ref.Kind != registry.KindRemote {
		return nil, err
	}
	wait, err := f.lease.resolve()
	if err != nil {
		return nil, err
	}
	return &publish.Lease{
		Writer: f.lease.name(), Wait: wait, Patience: patience, Now: p.now,
		Note: func(holder string, until time.Time) {
			p.note("waiting for %s, who writes to this index (until %s at the latest)", holder, stamp(until))
		},
	}, nil
}
