package policy

import (
	"strings"

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
	Promotion string        `json:"promotion"` // SHA-256 of the statement; "" if a release said what is live
	Revision  digest.Digest `json:"revision"`
	Sequence  uint64        `json:"sequence"` // 0 if no head or release was seen
	Serial    uint64        `json:"serial"`
	Stage     string        `json:"stage"`
	// Withdrawn is the union of all withdrawals seen, in ascending order of
	// file name and sha256.
	Withdrawn []index.Withdrawn `json:"withdrawn,omitempty"`
}

// Known reports whether the state remembers anything of this epoch.
func (s *State) Known(epoch uint64) bool {
	return s != nil && s.Revision != "" && s.Epoch == epoch
}

// Remembered returns s if it is of this index and epoch and of the stage of
// kind, otherwise nil: a state of something else says nothing. Pinned requests
// have no state of their own and may look at that of any stage.
func (x *Index) Remembered(kind Kind, s *State) *State {
	if !s.Known(x.Epoch) || s.Name != x.Name.String() || kind != Pinned && s.Stage != kind.Stage() {
		return nil
	}
	return s
}

// Encode returns the state's canonical bytes. A state that breaks a rule of
// [DecodeState] or would exceed [MaxState] is an [artifact.Violation].
func (s *State) Encode() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	data, err := strictjson.Marshal(s)
	if err != nil {
		return nil, artifact.Violates("json", "%v", err)
	}
	if len(data) > MaxState {
		return nil, artifact.Violates("too-large", "a state of %d bytes (%d withdrawals), the limit is %d", len(data), len(s.Withdrawn), MaxState)
	}
	return data, nil
}

// DecodeState reads a state. Errors are an [artifact.Violation]: a state that
// was damaged must not pass for one that knows nothing.
func DecodeState(data []byte) (*State, error) {
	var s State
	if err := artifact.DecodeCanonical(data, MaxState, &s); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return &s, nil
}

func (s *State) check() error {
	if _, err := index.ParseName(s.Name); err != nil {
		return err
	}
	if s.Stage != Live.Stage() && s.Stage != Candidate.Stage() {
		return artifact.Violates("stage", "%q", s.Stage)
	}
	for _, n := range []struct {
		rule         string
		value, least uint64
	}{{"epoch", s.Epoch, 1}, {"serial", s.Serial, 1}, {"sequence", s.Sequence, 0}, {"counter", s.Counter, 0}} {
		if n.value < n.least || n.value > artifact.MaxInteger {
			return artifact.Violates(n.rule, "%d is not in %d..2^53-1", n.value, n.least)
		}
	}
	if err := artifact.CheckDigest(s.Revision); err != nil {
		return err
	}
	if !artifact.IsSHA256(s.Catalog) {
		return artifact.Violates("sha256", "catalog %q", s.Catalog)
	}
	if err := s.checkHead(); err != nil {
		return err
	}
	return checkWithdrawn(s.Withdrawn)
}

// checkHead wants a promotion with its sequence and counter, or neither
// promotion nor counter.
func (s *State) checkHead() error {
	switch {
	case s.Promotion == "" && s.Counter != 0:
		return artifact.Violates("counter", "%d without a promotion", s.Counter)
	case s.Promotion == "":
		return nil
	case !artifact.IsSHA256(s.Promotion):
		return artifact.Violates("sha256", "promotion %q", s.Promotion)
	case s.Sequence == 0 || s.Counter == 0:
		return artifact.Violates("sequence", "promotion %s with sequence %d, counter %d", s.Promotion, s.Sequence, s.Counter)
	}
	return nil
}

func checkWithdrawn(list []index.Withdrawn) error {
	for i, w := range list {
		if w.Filename == "" || len(w.Filename) > artifact.MaxFilename || !artifact.IsSHA256(w.SHA256) || w.Since < 1 || w.Since > artifact.MaxInteger {
			return artifact.Violates("withdrawn", "%q, sha256 %q, since %d", w.Filename, w.SHA256, w.Since)
		}
		if len(w.Reason) > index.MaxReason {
			return artifact.Violates("withdrawn", "%q: a reason of %d bytes, the limit is %d", w.Filename, len(w.Reason), index.MaxReason)
		}
		if i > 0 && compareWithdrawn(list[i-1], w) >= 0 {
			return artifact.Violates("order", "withdrawn file %q after %q", w.Filename, list[i-1].Filename)
		}
	}
	return nil
}

func compareWithdrawn(a, b index.Withdrawn) int {
	if c := strings.Compare(a.Filename, b.Filename); c != 0 {
		return c
	}
	return strings.Compare(a.SHA256, b.SHA256)
}
