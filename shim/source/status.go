package source

import (
	"errors"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy"
)

// Status tells how a follower is doing.
type Status struct {
	Name  index.Name
	Stage string
	// Revision is what is served, or would be if it were not stale; "" is
	// nothing yet. What follows it is about that revision.
	Revision digest.Digest
	Serial   uint64
	Sequence uint64    // of the promotion; 0 without a head
	Issued   time.Time // of the catalog
	// Promoted is when what names the revision was issued; zero without it.
	Promoted time.Time
	Switched time.Time // when this process began to serve it
	// StaleAfter is when it stops being fresh, grace included; zero is never.
	StaleAfter time.Time
	Stale      bool
	// Stopped says that it is not served any more, because it is stale.
	Stopped  bool
	Warnings []string

	Looked time.Time // the last look; zero before the first
	// Code and Detail say why the last look was refused; "" if it was not.
	Code   policy.Code
	Detail string
	// RefusedSince is when refusals with this code began.
	RefusedSince time.Time
}

// Serving reports whether the revision is handed out.
func (s *Status) Serving() bool { return s.Revision != "" && !s.Stopped }

// Status tells how the follower is doing now.
func (f *Follower) Status() Status {
	f.mu.Lock()
	s := f.status
	f.mu.Unlock()
	s.Name, s.Stage = f.o.Verifier.Rules.Name, f.o.Kind.Stage()
	now := f.serving.Load()
	if now.current == nil {
		return s
	}
	s.Revision, s.Serial, s.Issued = now.current.Digest, now.current.Catalog.Serial, now.current.Catalog.Issued
	if now.head != nil {
		s.Sequence, s.Promoted = now.head.Promotion.Sequence, now.head.Promotion.Issued
	}
	s.StaleAfter, s.Stale = now.staleAfter, now.stale(f.o.Verifier.Now)
	s.Stopped = s.Stale && f.o.Verifier.Rules.StopWhenStale
	return s
}

// note writes down how a look ended, and logs what is new about it.
func (f *Follower) note(err error) {
	now := f.o.Verifier.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.status
	s.Looked = now
	if err == nil {
		if s.Code != "" {
			f.o.Log.Info("verified again", "after", string(s.Code))
		}
		s.Code, s.Detail, s.RefusedSince = "", "", time.Time{}
		f.noteServing(now)
		return
	}
	code, detail := reason(err)
	if code != s.Code {
		s.RefusedSince = now
	}
	if code != s.Code || detail != s.Detail {
		f.o.Log.Warn("refused", "code", string(code), "reason", detail, "still serving", string(s.Revision))
	}
	s.Code, s.Detail = code, detail
}

func (f *Follower) noteServing(now time.Time) {
	s, serving := &f.status, f.serving.Load()
	if s.Revision != serving.current.Digest {
		s.Revision, s.Switched = serving.current.Digest, now
	}
	for _, w := range serving.warnings {
		if !slices.Contains(s.Warnings, w) {
			f.o.Log.Warn("warning", "reason", w)
		}
	}
	s.Warnings = serving.warnings
}

// reason gives a refusal's code and text.
func reason(err error) (policy.Code, string) {
	var r *policy.Refusal
	if !errors.As(err, &r) {
		return policy.Unavailable, err.Error()
	}
	detail := r.Detail
	if r.Err != nil {
		detail += ": " + r.Err.Error()
	}
	return r.Code, detail
}
