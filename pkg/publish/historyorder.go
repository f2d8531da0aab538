package publish

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// arrange puts kept heads and the present one together, newest first, and finds
// out what became of each.
func (h *History) arrange(kept []*Event, head *Event) {
	events := map[uint64]*Event{}
	for _, e := range kept {
		if e != nil {
			events[e.Sequence] = e
		}
	}
	if head != nil {
		// A refresh changes the head's manifest, never its promotion.
		if k := events[head.Sequence]; k == nil {
			events[head.Sequence] = head
		} else if !k.sameAs(head) {
			k.Doubts = append(k.Doubts, fmt.Sprintf("the head is another promotion with this number, of revision %d %s", head.To.Serial, head.To.Revision))
		}
	}
	addUntold(events)
	list := slices.SortedFunc(maps.Values(events), func(a, b *Event) int { return cmp.Compare(b.Sequence, a.Sequence) })
	judgeEffects(list, head)
	for i, e := range list {
		e.compare(events)
		e.findWithdrawn(list[i+1:])
		h.Events = append(h.Events, *e)
	}
}

func (e *Event) sameAs(other *Event) bool {
	return e.To == other.To && e.Issued.Equal(other.Issued) && e.By == other.By && e.Reason == other.Reason
}

// tells reports whether the event can be believed about others.
func (e *Event) tells() bool { return e.statement != nil && e.Refused == "" }

// addUntold adds the promotions of which only later heads tell.
func addUntold(events map[uint64]*Event) {
	for _, e := range slices.Collect(maps.Values(events)) {
		if !e.tells() {
			continue
		}
		for _, r := range e.statement.Recent {
			if events[r.Sequence] == nil {
				events[r.Sequence] = &Event{Effect: Past, Sequence: r.Sequence, To: Point{r.Revision, r.Serial}, Issued: r.From}
			}
		}
	}
}

// judgeEffects follows the lists of what was live before from the head on. In an
// earlier epoch, of which the head does not tell, the last promotion stands for
// the head.
func judgeEffects(list []*Event, head *Event) {
	effective := map[uint64]bool{}
	epochs := map[uint64]bool{}
	if head != nil && head.tells() {
		effective[head.Sequence], epochs[head.Epoch] = true, true
	}
	for _, e := range list {
		if !e.tells() {
			continue
		}
		if !epochs[e.Epoch] {
			effective[e.Sequence], epochs[e.Epoch] = true, true
		}
		if !effective[e.Sequence] {
			continue
		}
		for _, r := range e.statement.Recent {
			effective[r.Sequence] = true
		}
	}
	for _, e := range list {
		switch {
		case head != nil && e.Sequence == head.Sequence:
			e.Effect = Live
		case e.statement == nil || effective[e.Sequence]:
			e.Effect = Past
		default:
			e.Effect = Void
		}
	}
}

// compare holds what a promotion says was live before against the promotion that
// made it live.
func (e *Event) compare(events map[uint64]*Event) {
	if !e.tells() || len(e.statement.Recent) == 0 {
		return
	}
	before := e.statement.Recent[0]
	if k := events[before.Sequence]; k != nil && k.tells() && k.To != (Point{before.Revision, before.Serial}) {
		e.Doubts = append(e.Doubts, fmt.Sprintf("it says that promotion %d made revision %d %s live, which says otherwise itself", before.Sequence, before.Serial, before.Revision))
	}
}

// findWithdrawn finds the files that no earlier promotion withdrew.
func (e *Event) findWithdrawn(older []*Event) {
	if e.statement == nil {
		return
	}
	known := []index.Withdrawn{}
	for _, o := range older {
		if o.statement != nil && o.Effect != Void {
			known = o.statement.Withdrawn
			break
		}
	}
	for _, w := range e.statement.Withdrawn {
		if !slices.Contains(known, w) {
			e.Withdrawn = append(e.Withdrawn, w)
		}
	}
}
