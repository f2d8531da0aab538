package publish

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// Split is a head and a live tag that do not name the same revision.
type Split struct {
	Name index.Name
	// Head is what the head says is live, Live where the tag is, "" for nowhere.
	Head Point
	Live digest.Digest
}

func (x *Split) String() string {
	return fmt.Sprintf("the head says that revision %d (%s) is live, but tag %s is at %s: a promotion stopped half-way, or somebody moved the tag; 'promote --revision %s' ends it",
		x.Head.Serial, x.Head.Revision, x.Name.LiveTag(), orNone(x.Live), x.Head.Revision)
}

// FindSplit compares head and live tag, whoever signed the head. It is nil if
// they agree or there is no head that can be read.
func FindSplit(ctx context.Context, s Store, name index.Name) (*Split, error) {
	e, _, err := readEvent(ctx, s, HistoryOptions{Name: name}, name.HeadTag())
	if err != nil || e == nil {
		return nil, err
	}
	live, err := resolve(ctx, s, name.LiveTag())
	if err != nil || live == e.To.Revision {
		return nil, err
	}
	return &Split{Name: name, Head: e.To, Live: live}, nil
}
