package gate

import (
	"fmt"
	"slices"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// Agrees tells whether the report is the one that a catalog's gates are about: of
// this revision, beside the same live one, by all gates, with the same result. A
// catalog is signed with its result; the report says what that rests on.
func (r *Report) Agrees(c *index.Catalog) error {
	switch {
	case c.Gates == nil:
		return fmt.Errorf("the catalog of revision %d has no gates", c.Serial)
	case r.Index != c.Name().String() || r.Serial != c.Serial:
		return fmt.Errorf("the report is on %s serial %d, the revision is %s serial %d", r.Index, r.Serial, c.Name(), c.Serial)
	case r.Live != c.Gates.Live:
		return fmt.Errorf("the report judged beside %q, the catalog says %q", r.Live, c.Gates.Live)
	case r.Result != c.Gates.Result:
		return fmt.Errorf("the report says %s, the catalog says %s", r.Result, c.Gates.Result)
	}
	for _, name := range Names() {
		if !slices.ContainsFunc(r.Gates, func(o Outcome) bool { return o.Name == name }) {
			return fmt.Errorf("the report says nothing of the gate %s", name)
		}
	}
	return nil
}
