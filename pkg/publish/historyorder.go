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
	events := map[place]*Event{}
	for _, e := range kept {
		if e != nil {
			events[e.place()] = e
		}
	}
	if head != nil {
		// A refresh changes the head's manifest, never its promotion.
		if k := events[head.place()]; k == nil {
			events[head.place()] = head
		} else if !k.sameAs(head) {
			k.Doubts = append(k.Doubts, fmt.Sprintf("the head is another promotion with this number, of revision %d %s", head.To.Serial, head.To.Revision))
		}
	}
	addUntold(events)
	list := slices.SortedFunc(maps.Values(events), func(a, b *Event) int {
		return cmp.Or(cmp.Compare(b.Epoch, a.Epoch), cmp.Compare(b.Sequence, a.Sequence))
	})
	judgeEffects(list, head)
	for i, e := range list {
		e.compare(events)
		e.findWithdrawn(list[i+1:])
		h.Events = append(h.Events, *e)
	}
}

// place is where an event is in the history: each epoch counts anew.
type place struct{ epoch, sequence uint64 }

func (e *Event) place() place { return place{e.Epoch, e.Sequence} }

func (e *Event) sameAs(other *Event) bool {
	return e.To == other.To && e.Issued.Equal(other.Issued) && e.By == other.By && e.Reason == other.Reason
}

// tells reports whether the event can be believed about others.
func (e *Event) tells() bool { return e.statement != nil && e.Refused == "" }

// addUntold adds the promotions of which only later heads tell.
func addUntold(events map[place]*Event) {
	for _, e := range slices.Collect(maps.Values(events)) {
		if !e.tells() {
			continue
		}
		for _, r := range e.statement.Recent {
			if at := (place{e.Epoch, r.Sequence}); events[at] == nil {
				events[at] = &Event{Effect: Past, Sequence: r.Sequence, Epoch: e.Epoch, To: Point{r.Revision, r.Serial}, Issued: r.From}
			}
		}
	}
}

// judgeEffects follows the lists of what was live before from the head on. In an
// earlier epoch, of which the head does not tell, the last promotion stands for
// the head.
func judgeEffects(list []*Event, head *Event) {
	effective := map[place]bool{}
	epochs := map[uint64]bool{}
	if head != nil && head.tells() {
		effective[head.place()], epochs[head.Epoch] = true, true
	}
	for _, e := range list {
		if !e.tells() {
			continue
		}
		if !epochs[e.Epoch] {
			effective[e.place()], epochs[e.Epoch] = true, true
		}
		if !effective[e.place()] {
			continue
		}
		for _, r := range e.statement.Recent {
			effective[place{e.Epoch, r.Sequence}] = true
		}
	}
	for _, e := range list {
		switch {
		case head != nil && e.place() == head.place():
			e.Effect = Live
		case e.statement == nil || effective[e.place()]:
			e.Effect = Past
		default:
			e.Effect = Void
		}
	}
}

// compare holds what a promotion says was live before against the promotion that
// made it live.
func (e *Event) compare(events map[place]*Event) {
	if !e.tells() || len(e.statement.Recent) == 0 {
		return
	}
	before := e.statement.Recent[0]
	if k := events[place{e.Epoch, before.Sequence}]; k != nil && k.tells() && k.To != (Point{before.Revision, before.Serial}) {
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
