package policy

import "fmt"

// Code is the stable reason of a refusal; docs/verification.md lists them.
type Code string

// The reasons, in the order of the steps that give them.
const (
	TooLarge           Code = "too-large"
	Unavailable        Code = "unavailable"
	Malformed          Code = "malformed"
	HeadMissing        Code = "head-missing"
	LiveMissing        Code = "live-missing"
	CandidateMissing   Code = "candidate-missing"
	ReleaseMissing     Code = "release-missing"
	NotInRelease       Code = "not-in-release"
	NotNamed           Code = "not-named"
	HeadSignature      Code = "head-signature"
	HeadName           Code = "head-name"
	HeadEpoch          Code = "head-epoch"
	HeadFuture         Code = "head-future"
	FreshnessSignature Code = "freshness-signature"
	Expired            Code = "expired"
	Rollback           Code = "rollback"
	Equivocation       Code = "equivocation"
	Lag                Code = "lag"
	RevisionMissing    Code = "revision-missing"
	WrongDigest        Code = "wrong-digest"
	ReleaseSignature   Code = "release-signature"
	WrongName          Code = "wrong-name"
	WrongEpoch         Code = "wrong-epoch"
	MinSerial          Code = "min-serial"
	MaxJump            Code = "max-jump"
	WrongSerial        Code = "wrong-serial"
	OutsideTarget      Code = "outside-target"
	IndexMismatch      Code = "index-mismatch"
	CatalogFuture      Code = "catalog-future"
	TooOld             Code = "too-old"
	GatesNotPassed     Code = "gates-not-passed"
)

// Refusal is the answer "no": at which step of the algorithm, why, and the
// particulars. Nothing that was refused is served or remembered.
type Refusal struct {
	Step   int
	Code   Code
	Detail string
	Err    error // the cause, if another error is
}

func (r *Refusal) Error() string {
	s := fmt.Sprintf("refused (%s): %s", r.Code, r.Detail)
	if r.Err != nil {
		s += ": " + r.Err.Error()
	}
	return s
}

func (r *Refusal) Unwrap() error { return r.Err }

// Refuse makes a refusal.
func Refuse(step int, code Code, format string, args ...any) *Refusal {
	return &Refusal{Step: step, Code: code, Detail: fmt.Sprintf(format, args...)}
}
