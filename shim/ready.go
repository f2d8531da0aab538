package shim

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/shim/source"
)

// timeFormat is how times are told.
const timeFormat = time.RFC3339

// latest is what …/-/latest tells about a moving root.
type latest struct {
	Name     string        `json:"name"`
	Stage    string        `json:"stage"`
	Revision digest.Digest `json:"revision,omitempty"`
	Serial   uint64        `json:"serial,omitempty"`
	Sequence uint64        `json:"sequence,omitempty"`
	Issued   *time.Time    `json:"issued,omitempty"`
	Promoted *time.Time    `json:"promoted,omitempty"`
	// Age is the time since issued, in seconds.
	Age *int64 `json:"age,omitempty"`
	// FreshUntil is when the index stops being fresh, grace included.
	FreshUntil *time.Time `json:"freshUntil,omitempty"`
	Stale      bool       `json:"stale"`
}

// readiness is what /readyz tells about one stage of one index.
type readiness struct {
	Ready bool   `json:"ready"`
	Root  string `json:"root"`
	latest
	Switched *time.Time `json:"switched,omitempty"`
	Looked   *time.Time `json:"looked,omitempty"`
	// Refusal says why there is nothing newer, or nothing at all.
	Refusal  *refusal `json:"refusal,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

type refusal struct {
	Code   policy.Code `json:"code"`
	Detail string      `json:"detail"`
	Since  time.Time   `json:"since"`
}

// optional is nil for the zero time.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

func (h *Handler) describe(s source.Status) latest {
	out := latest{
		Name: s.Name.String(), Stage: s.Stage, Revision: s.Revision, Serial: s.Serial, Sequence: s.Sequence,
		Issued: optional(s.Issued), Promoted: optional(s.Promoted), FreshUntil: optional(s.StaleAfter), Stale: s.Stale,
	}
	if !s.Issued.IsZero() {
		age := int64(h.now().Sub(s.Issued) / time.Second)
		out.Age = &age
	}
	return out
}

// latest answers …/-/latest.
func (h *Handler) latest(w http.ResponseWriter, r *http.Request) error {
	at, err := h.at(r)
	if err != nil {
		return err
	}
	if at.root.shown() == nil {
		return at.root.nothing()
	}
	w.Header()["Cache-Control"] = at.root.cacheControl
	return writeJSON(w, r, http.StatusOK, h.describe(at.root.source.Status()))
}

// livez says that the process answers.
func (h *Handler) livez(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	return writeJSON(w, r, http.StatusOK, map[string]bool{"live": true})
}

// readyz says for each index whether it is served, and why not something newer.
// Candidates don't count: most of the time there may be none.
func (h *Handler) readyz(w http.ResponseWriter, r *http.Request) error {
	all := struct {
		Ready   bool        `json:"ready"`
		Indexes []readiness `json:"indexes"`
	}{Ready: true, Indexes: []readiness{}}
	for _, root := range h.order {
		one := h.readiness(root)
		all.Indexes = append(all.Indexes, one)
		all.Ready = all.Ready && (one.Ready || root.live != nil)
	}
	status := http.StatusOK
	if !all.Ready {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Cache-Control", "no-store")
	return writeJSON(w, r, status, all)
}

func (h *Handler) readiness(root *root) readiness {
	s := root.source.Status()
	out := readiness{
		Ready: s.Serving(), Root: root.path + "/", latest: h.describe(s),
		Switched: optional(s.Switched), Looked: optional(s.Looked), Warnings: s.Warnings,
	}
	if s.Code != "" {
		out.Refusal = &refusal{s.Code, s.Detail, s.RefusedSince.UTC().Truncate(time.Second)}
	}
	return out
}

func writeJSON(w http.ResponseWriter, r *http.Request, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	body = append(body, '\n')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		// Whoever is no longer there needs no answer.
		_, _ = w.Write(body)
	}
	return nil
}
