package gate

import (
	"context"
	"errors"
	"fmt"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
)

var errNoExports = errors.New("its exports are not known")

// exportTable is what one wheel exports.
type exportTable struct {
	symbols map[string]struct{}
	err     error
}

// exported returns what a wheel exports, read once.
func (j *judge) exported(ctx context.Context, sha256 string) (map[string]struct{}, error) {
	if t := j.exports[sha256]; t != nil {
		return t.symbols, t.err
	}
	t := &exportTable{}
	j.exports[sha256] = t
	if j.in.Exports == nil {
		t.err = errNoExports
		return nil, t.err
	}
	e, err := j.in.Exports(ctx, sha256)
	switch {
	case err != nil:
		t.err = fmt.Errorf("read exports: %w", err)
	case e == nil:
		t.err = errNoExports
	default:
		t.symbols = make(map[string]struct{}, len(e.Symbols))
		for _, s := range e.Symbols {
			t.symbols[s] = struct{}{}
		}
	}
	return t.symbols, t.err
}

type missingKey struct {
	consumer, provider string
	index              int
}

// missing lists what a library imports from the provider's family and neither
// the provider exports nor another wheel whose library it needs by name.
func (j *judge) missing(ctx context.Context, p pair, i *importer) ([]string, error) {
	f := p.provider.best[p.env]
	key := missingKey{i.file.SHA256, f.SHA256, i.index}
	list, known := j.lacking[key]
	if !known {
		table, err := j.exported(ctx, f.SHA256)
		if err != nil {
			return nil, err
		}
		for _, symbol := range i.library().Imports {
			if _, ok := table[symbol]; !ok && p.serves(symbol) {
				list = append(list, symbol)
			}
		}
		j.lacking[key] = list
	}
	if len(list) == 0 {
		return nil, nil
	}
	return j.elsewhere(ctx, p, i, list)
}

// serves reports whether the symbol is in a name space of the provider.
func (p pair) serves(symbol string) bool {
	namespace := facts.Namespace(symbol)
	f := p.provider.best[p.env]
	for k, family := range families {
		for _, n := range family.namespaces {
			if n == namespace && f.provides(k) {
				return true
			}
		}
	}
	return false
}

// elsewhere leaves of a list what no other wheel exports that has a library
// which is needed by name: extensions of torch define things in its name space.
func (j *judge) elsewhere(ctx context.Context, p pair, i *importer, list []string) ([]string, error) {
	for _, name := range i.library().Needed {
		for _, f := range p.world.providing(i.file, name, p.env) {
			if f.project == p.provider.project || !f.exportsAny() {
				continue
			}
			table, err := j.exported(ctx, f.SHA256)
			if err != nil {
				return nil, err
			}
			var rest []string
			for _, symbol := range list {
				if _, ok := table[symbol]; !ok {
					rest = append(rest, symbol)
				}
			}
			list = rest
		}
	}
	return list, nil
}

func (f *file) exportsAny() bool {
	for _, l := range f.facts.Libraries {
		if l.Exports > 0 {
			return true
		}
	}
	return false
}
