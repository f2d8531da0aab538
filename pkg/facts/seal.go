package facts

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
)

// Add enters a file: its name and SHA-256 into the ledger and, unless they are
// nil (an sdist has none), the facts and exports of a wheel. Facts that are
// known already are not stored again. A name that was used for other bytes is
// refused with a [NameError].
func (b *Book) Add(name, sha256 string, w *Wheel, e *Exports) error {
	if err := checkName(name, sha256); err != nil {
		return fmt.Errorf("add facts: %w", err)
	}
	for _, ledger := range []map[string]string{b.names, b.added.Names} {
		if have, ok := ledger[name]; ok && have != sha256 {
			return &NameError{Name: name, Have: have, Want: sha256}
		}
	}
	if w != nil {
		if err := b.addWheel(sha256, w, e); err != nil {
			return fmt.Errorf("add facts of %s: %w", name, err)
		}
	}
	if _, ok := b.names[name]; !ok {
		b.added.Names[name] = sha256
	}
	return nil
}

func (b *Book) addWheel(sha256 string, w *Wheel, e *Exports) error {
	if w.SHA256 != sha256 || e != nil && e.SHA256 != sha256 {
		return artifact.Violates("sha256", "facts of %s for a file with %s", w.SHA256, sha256)
	}
	if err := w.check(); err != nil {
		return err
	}
	if e == nil {
		if _, had := b.exports[sha256]; !had && reflect.DeepEqual(b.wheels[sha256], w) {
			return nil
		}
		delete(b.added.Exports, sha256)
		delete(b.addedExports, sha256)
		b.addedWheels[sha256] = w
		return nil
	}
	if err := e.check(); err != nil {
		return err
	}
	o, err := encodeExports(e)
	if err != nil {
		return err
	}
	if b.exports[sha256] == o.Blob() && reflect.DeepEqual(b.wheels[sha256], w) {
		return nil
	}
	b.added.Exports[sha256] = o.Blob()
	b.addedExports[sha256] = e
	b.addedWheels[sha256] = w
	return nil
}

// Seal returns the manifest of the book with what was added, and the blobs that
// the store it was loaded from does not have yet. Chunks are merged so that
// each is at least twice as large as the next newer one: there are few, and
// old ones rarely change. Merging drops facts of wheels that keep does not
// want; names always stay. The same content gives the same bytes; a book
// without any gives a zero manifest. The book itself does not change.
func (b *Book) Seal(keep func(sha256 string) bool) (manifest Object, blobs []Object, err error) {
	list := b.compact(keep)
	if len(list) == 0 {
		return Object{}, nil, nil
	}
	total := 0
	for i := range list {
		c := &list[i]
		if c.layer.Size == 0 {
			o, unpacked, err := c.encode()
			if err != nil {
				return Object{}, nil, err
			}
			c.layer, c.unpacked, c.data = artifact.Layer{MediaType: o.MediaType, Blob: o.Blob()}, unpacked, o.Data
			blobs = append(blobs, o)
		}
		if total += c.unpacked; total > MaxBook {
			return Object{}, nil, artifact.Violates("too-large", "facts of over %d bytes; let old files go", MaxBook)
		}
	}
	exports, err := b.newExports(list)
	if err != nil {
		return Object{}, nil, err
	}
	m := artifact.Manifest{ArtifactType: artifact.TypeFacts}
	for _, c := range list {
		m.Layers = append(m.Layers, c.layer)
	}
	m.Layers = append(m.Layers, exportLayers(list)...)
	data, err := m.Encode()
	if err != nil {
		return Object{}, nil, fmt.Errorf("facts: %w", err)
	}
	return newObject(artifact.MediaTypeManifest, data), append(blobs, exports...), nil
}

// compact returns the chunks as they shall be stored, oldest first.
func (b *Book) compact(keep func(string) bool) []stored {
	list := slices.Clone(b.chunks)
	fresh := &chunk{Format: FormatVersion, Names: b.added.Names, Exports: b.added.Exports}
	fresh.Wheels = slices.SortedFunc(maps.Values(b.addedWheels), func(x, y *Wheel) int { return cmp.Compare(x.SHA256, y.SHA256) })
	fresh = merge(fresh, &chunk{}, keep)
	if fresh.weight() > 0 {
		list = append(list, stored{chunk: fresh})
	}
	for n := len(list); n > 1 && (list[n-2].weight() < 2*list[n-1].weight() || n > MaxChunks); n = len(list) {
		list = append(list[:n-2], stored{chunk: merge(list[n-2].chunk, list[n-1].chunk, keep)})
	}
	if !wasteful(list, keep) {
		return list
	}
	all := &chunk{}
	for _, c := range list {
		all = merge(all, c.chunk, keep)
	}
	return []stored{{chunk: all}}
}

// wasteful reports whether more than half of the facts in the chunks are of no
// more use.
func wasteful(list []stored, keep func(string) bool) bool {
	useful, total := map[string]bool{}, 0
	for _, c := range list {
		for _, w := range c.Wheels {
			total++
			if keep(w.SHA256) {
				useful[w.SHA256] = true
			}
		}
	}
	return total > 2*len(useful)
}

// newExports encodes the exports that were added and that the chunks name.
func (b *Book) newExports(list []stored) ([]Object, error) {
	named := map[artifact.Blob]bool{}
	for _, c := range list {
		for _, blob := range c.Exports {
			named[blob] = true
		}
	}
	for _, c := range b.chunks {
		for _, blob := range c.Exports {
			delete(named, blob) // the store has it
		}
	}
	var objects []Object
	for _, sha256 := range slices.Sorted(maps.Keys(b.addedExports)) {
		if !named[b.added.Exports[sha256]] {
			continue
		}
		delete(named, b.added.Exports[sha256])
		o, err := encodeExports(b.addedExports[sha256])
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	return objects, nil
}
