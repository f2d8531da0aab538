package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

type shownHistory struct {
	shownPoint
	Live      bool `json:"live,omitempty"`
	Candidate bool `json:"candidate,omitempty"`
}

// showRevisions lists the revisions of one index that are kept, newest first.
func (p *program) showRevisions(ctx context.Context, s registry.Store, name index.Name) error {
	tags, err := allTags(ctx, s)
	if err != nil {
		return err
	}
	list := []shownHistory{}
	for _, tag := range tags {
		if !strings.HasPrefix(tag, "rev."+name.LiveTag()+".") || strings.HasPrefix(tag, "rev."+name.HeadTag()+".") || strings.HasPrefix(tag, "rev."+name.RetiredTag()+".") {
			continue
		}
		l, err := integrity(s).Load(ctx, tag)
		// The tag only suggests what the catalog must say.
		if err != nil || l.Catalog.Name() != name || tag != name.RevisionTag(l.Catalog.Serial) {
			continue
		}
		list = append(list, shownHistory{shownPoint: *newPoint(l)})
	}
	slices.SortFunc(list, func(a, b shownHistory) int { return int(b.Serial) - int(a.Serial) })
	for _, mark := range []struct {
		tag string
		set func(*shownHistory)
	}{
		{name.LiveTag(), func(h *shownHistory) { h.Live = true }},
		{name.CandidateTag(), func(h *shownHistory) { h.Candidate = true }},
	} {
		if !slices.Contains(tags, mark.tag) {
			continue
		}
		desc, err := s.Resolve(ctx, mark.tag)
		if err != nil {
			return err
		}
		for i := range list {
			if list[i].Revision == string(desc.Digest) {
				mark.set(&list[i])
			}
		}
	}
	return p.answer(list, func(w io.Writer) error {
		for _, h := range list {
			h.print(w, strings.TrimSpace(map[bool]string{true: "live "}[h.Live]+map[bool]string{true: "candidate"}[h.Candidate]))
		}
		if len(list) == 0 {
			p.note("no revision of %s here", name)
		}
		return nil
	})
}

func (h shownHistory) print(w io.Writer, marks string) {
	if marks != "" {
		marks = "  " + marks
	}
	fmt.Fprintf(w, "%d %s  %d files, %s%s\n", h.Serial, h.Revision, h.Files, h.Issued, marks)
}

func allTags(ctx context.Context, s registry.Store) ([]string, error) {
	var tags []string
	err := s.Tags(ctx, "", func(page []string) error { tags = append(tags, page...); return nil })
	return tags, err
}
