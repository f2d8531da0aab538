package policy

import (
	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// MaxState bounds an encoded state, in bytes.
const MaxState = 4 << 20

// State is what a verifier remembers of an index and stage, so that nobody can
// show it something older or different later. The zero State knows nothing.
type State struct {
	Catalog   string        `json:"catalog"` // SHA-256 of the decoded catalog
	Counter   uint64        `json:"counter"`
	Epoch     uint64        `json:"epoch"`
	Name      string        `json:"name"`
	Promotion string        `json:"promotion"` // SHA-256 of the statement
	Revision  digest.Digest `json:"revision"`
	Sequence  uint64        `json:"sequence"`
	Serial    uint64        `json:"serial"`
	Stage     string        `json:"stage"`
	// Withdrawn is the union of all withdrawals seen.
	Withdrawn []index.Withdrawn `json:"withdrawn,omitempty"`
}

// Known reports whether the state remembers anything of this epoch.
func (s *State) Known(epoch uint64) bool {
	return s != nil && s.Revision != "" && s.Epoch == epoch
}

// Encode returns the state's canonical bytes.
func (s *State) Encode() ([]byte, error) { return strictjson.Marshal(s) }

// DecodeState reads a state.
func DecodeState(data []byte) (*State, error) {
	var s State
	if err := artifact.DecodeCanonical(data, MaxState, &s); err != nil {
		return nil, err
	}
	return &s, nil
}
