package publish

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// Action is what a plan does with a file, a project or the index.
type Action string

// The actions, in the order in which a plan shows them.
const (
	Add      Action = "add"      // lists a file
	Retire   Action = "retire"   // takes it off the pages; locks still get it
	Remove   Action = "remove"   // drops a file that was never live
	Withdraw Action = "withdraw" // is gone for cause, for everybody
	Expire   Action = "expire"   // ends the time for which a retired file was kept
	Yank     Action = "yank"
	Unyank   Action = "unyank"
	Status   Action = "status" // of a project
	Retarget Action = "target" // other environments
	NewEpoch Action = "epoch"
)

var actions = []Action{Add, Retire, Remove, Withdraw, Expire, Yank, Unyank, Status, Retarget, NewEpoch}

// Change is one line of a plan.
type Change struct {
	Action   Action `json:"action"`
	Filename string `json:"filename,omitempty"`
	Project  string `json:"project,omitempty"` // of a status
	SHA256   string `json:"sha256,omitempty"`
	Size     int64  `json:"size,omitempty"`
	// Detail is the reason, the status or the epoch.
	Detail string `json:"detail,omitempty"`
}

// Changes lists what after does that before, which may be nil, does not: by
// action, then by name.
func Changes(before, after *index.Catalog) []Change {
	if before == nil {
		before = &index.Catalog{Epoch: after.Epoch, Target: after.Target}
	}
	c := &comparison{was: stateOf(before), is: stateOf(after)}
	c.listed()
	c.unlisted()
	c.projects(before, after)
	if !sameJSON(after.Target, before.Target) {
		c.add(Change{Action: Retarget})
	}
	if after.Epoch != before.Epoch {
		c.add(Change{Action: NewEpoch, Detail: strconv.FormatUint(after.Epoch, 10)})
	}
	slices.SortFunc(c.changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(slices.Index(actions, a.Action), slices.Index(actions, b.Action)), cmp.Compare(a.Filename, b.Filename), cmp.Compare(a.Project, b.Project))
	})
	return c.changes
}

// state is where each file of a catalog is, by name.
type state struct {
	listed    map[string]*index.File
	retired   map[string]*index.File
	withdrawn map[string]*index.Withdrawn
}

func stateOf(c *index.Catalog) state {
	s := state{map[string]*index.File{}, map[string]*index.File{}, map[string]*index.Withdrawn{}}
	for _, f := range c.Files {
		s.listed[f.Filename] = f
	}
	for i := range c.Retired {
		s.retired[c.Retired[i].File.Filename] = &c.Retired[i].File
	}
	for i := range c.Withdrawn {
		s.withdrawn[c.Withdrawn[i].Filename] = &c.Withdrawn[i]
	}
	return s
}

type comparison struct {
	was, is state
	changes []Change
}

func (c *comparison) add(x Change) { c.changes = append(c.changes, x) }

func (c *comparison) file(a Action, f *index.File, detail string) {
	c.add(Change{Action: a, Filename: f.Filename, SHA256: f.SHA256, Size: f.Size, Detail: detail})
}

func (c *comparison) listed() {
	for name, f := range c.is.listed {
		old := c.was.listed[name]
		if old == nil {
			c.file(Add, f, "")
			old = &index.File{}
		}
		switch {
		case sameText(old.Yanked, f.Yanked):
		case f.Yanked != nil:
			c.file(Yank, f, *f.Yanked)
		default:
			c.file(Unyank, f, "")
		}
	}
}

func (c *comparison) unlisted() {
	for name, f := range c.was.listed {
		switch {
		case c.is.listed[name] != nil, c.is.withdrawn[name] != nil:
		case c.is.retired[name] != nil:
			c.file(Retire, f, "")
		default:
			c.file(Remove, f, "")
		}
	}
	for name, f := range c.was.retired {
		if c.is.listed[name] == nil && c.is.retired[name] == nil && c.is.withdrawn[name] == nil {
			c.file(Expire, f, "")
		}
	}
	for name, w := range c.is.withdrawn {
		if c.was.withdrawn[name] == nil {
			c.add(Change{Action: Withdraw, Filename: name, SHA256: w.SHA256, Detail: w.Reason})
		}
	}
}

func (c *comparison) projects(before, after *index.Catalog) {
	was := map[string]string{}
	for i := range before.Projects {
		was[before.Projects[i].Name] = statusText(before.Projects[i].Status)
	}
	for i := range after.Projects {
		p := &after.Projects[i]
		if now := statusText(p.Status); now != cmp.Or(was[p.Name], StatusActive) {
			c.add(Change{Action: Status, Project: p.Name, Detail: now})
		}
	}
}
