package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// chooseStages finds the stages that go: those of which a kept revision has
// everything, and, when asked, those of writers that are not at work. A stage
// does not tell how old it is: its writer may want to go on next week.
func (p *PrunePlan) chooseStages(ctx context.Context, s Store, x *pruning, tags []string) error {
	prefix := "stage." + p.name.LiveTag() + "."
	anchored := map[digest.Digest]bool{}
	for _, r := range x.revisions {
		for _, f := range r.listed {
			anchored[x.files[f].manifest] = anchored[x.files[f].manifest] || r.why != ""
		}
	}
	for _, tag := range tags {
		// No dot is in a writer's name.
		writer, ok := strings.CutPrefix(tag, prefix)
		if !ok || strings.Contains(writer, ".") {
			continue
		}
		at, manifests, err := readStage(ctx, s, tag)
		var broken *brokenError
		switch {
		case errors.Is(err, errdef.ErrNotFound):
			continue
		case errors.As(err, &broken):
			p.Problems = append(p.Problems, fmt.Sprintf("tag %s: %v", tag, err))
			continue
		case err != nil:
			return err
		}
		busy, err := x.atWork(ctx, s, writer)
		if err != nil {
			return err
		}
		needed := slices.ContainsFunc(manifests, func(d digest.Digest) bool { return !anchored[d] })
		if busy || needed && !x.Stages {
			p.KeptStages = append(p.KeptStages, tag)
			continue
		}
		p.Stages = append(p.Stages, tag)
		p.at[tag] = at
	}
	return nil
}

// readStage reads which manifests a stage anchors.
func readStage(ctx context.Context, s Store, tag string) (digest.Digest, []digest.Digest, error) {
	desc, err := s.Resolve(ctx, tag)
	if err != nil {
		return "", nil, err
	}
	data, err := fetchAll(ctx, s, desc, index.MaxRevision)
	if err != nil {
		return "", nil, err
	}
	var x struct {
		Manifests []struct {
			Digest digest.Digest `json:"digest"`
		} `json:"manifests"`
	}
	if err := json.Unmarshal(data, &x); err != nil || len(x.Manifests) == 0 {
		return "", nil, &brokenError{errors.New("it holds something that is not a stage")}
	}
	var list []digest.Digest
	for _, m := range x.Manifests {
		list = append(list, m.Digest)
	}
	return desc.Digest, list, nil
}

// atWork reports whether the writer holds the lease of the index.
func (x *pruning) atWork(ctx context.Context, s Store, writer string) (bool, error) {
	holder, err := readLease(ctx, s, x.Name.LeaseTag())
	return err == nil && holder != nil && holder.Writer == writer && x.Now.Before(holder.Until), err
}
