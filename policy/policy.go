// Package policy decides whether a revision may be served: who must have
// signed what, for which index, how fresh, and what is denied. It says yes or
// no with a reason and does no I/O; package verify below it gathers the
// evidence. docs/policy.md describes the file.
package policy

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// Limits of a policy file.
const (
	MaxFile    = 1 << 20
	maxIndexes = 4096
)

// Role is what a key may sign.
type Role string

// The roles. A refresh key can only say that a promotion still holds.
const (
	Release Role = "release"
	Promote Role = "promote"
	Refresh Role = "refresh"
)

// Freshness says what proves that a live revision is not an old one replayed.
type Freshness string

// The kinds of freshness.
const (
	// FreshHead wants a head whose freshness statement has not expired.
	FreshHead Freshness = "head"
	// FreshMaxAge wants nothing older than MaxAge.
	FreshMaxAge Freshness = "maxAge"
	// FreshNone accepts any age: for media that nobody renews.
	FreshNone Freshness = "none"
)

// Defaults of an index's rules.
const (
	DefaultSkew    = 5 * time.Minute
	DefaultGrace   = 24 * time.Hour
	DefaultMaxJump = 10_000
)

// Policy is the content of a policy file.
type Policy struct {
	Keys    map[string]*Key
	Indexes map[index.Name]*Index
}

// Key is one public key and what it is good for.
type Key struct {
	Name      string
	Public    dsse.PublicKey
	Roles     []Role
	NotBefore time.Time // zero: no bound
	NotAfter  time.Time // zero: no bound
	Revoked   bool
}

// Index are the rules for one index.
type Index struct {
	Name             index.Name
	Epoch            uint64
	ReleaseThreshold int
	PromoteThreshold int
	// FollowRelease makes the series' release, not the head, say what is live.
	FollowRelease bool
	Freshness     Freshness
	MaxAge        time.Duration
	Grace         time.Duration
	Skew          time.Duration
	MinSerial     uint64
	MaxJump       uint64
	// AllowJumpTo is the one serial that may exceed MaxJump.
	AllowJumpTo  uint64
	MaxLag       time.Duration
	Pins         []digest.Digest
	RequireGates bool
	// StopWhenStale refuses to serve past freshness plus grace; otherwise the
	// last good revision is served with an alarm.
	StopWhenStale bool
	Deny          []Denial
	keys          []*Key
}

// Denial takes files out of service: all that its set members match.
type Denial struct {
	Project  string `yaml:"project"`
	Filename string `yaml:"filename"`
	SHA256   string `yaml:"sha256"`
	Reason   string `yaml:"reason"`
}

// KeysFor returns the keys with one of the roles that are not revoked.
func (x *Index) KeysFor(roles ...Role) []*Key {
	var keys []*Key
	for _, k := range x.keys {
		if !k.Revoked && slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(k.Roles, r) }) {
			keys = append(keys, k)
		}
	}
	return keys
}

// ValidAt reports whether t is within the key's dates.
func (k *Key) ValidAt(t time.Time) bool {
	return !t.Before(k.NotBefore) && (k.NotAfter.IsZero() || !t.After(k.NotAfter))
}

// Ordered returns the rules of all indexes in ascending order of name.
func (p *Policy) Ordered() []*Index {
	return slices.SortedFunc(maps.Values(p.Indexes), func(a, b *Index) int {
		return strings.Compare(a.Name.String(), b.Name.String())
	})
}
