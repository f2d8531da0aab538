package policy

import (
	"fmt"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// Trusting returns rules for programs without a policy file, such as a
// publisher that trusts what its own keys signed: each key has every role, one
// signature is enough, and any age will do.
func Trusting(name index.Name, epoch uint64, keys ...dsse.PublicKey) *Index {
	x := &Index{Name: name, Epoch: epoch, ReleaseThreshold: 1, PromoteThreshold: 1, Freshness: FreshNone,
		Skew: DefaultSkew, Grace: DefaultGrace, MinSerial: 1, MaxJump: DefaultMaxJump}
	for i, k := range keys {
		x.keys = append(x.keys, &Key{Name: fmt.Sprintf("key %d", i+1), Public: k, Roles: []Role{Release, Promote, Refresh}})
	}
	return x
}
