package facts_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/test/elftest"
)

// BenchmarkReader reads one library as large as torch's largest but one, with
// as many symbols as torch exports.
func BenchmarkReader(b *testing.B) {
	l := elftest.Library{Soname: "libtorch_cpu.so", Needed: []string{"libc10.so"}, Data: make([]byte, 256<<20)}
	for i := range 60_000 {
		l.Exports = append(l.Exports, fmt.Sprintf("_ZN2at4_ops%d_some_operator_with_a_long_name4callERKNS_6TensorES4_RKN3c106ScalarE", i))
	}
	data := l.Bytes()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		r := facts.NewReader(b.TempDir())
		if err := show(r, "torch/lib/libtorch_cpu.so", data); err != nil {
			b.Fatal(err)
		}
		if _, e, err := r.Wheel(sum, nil, nil); err != nil || len(e.Symbols) != 60_000 {
			b.Fatal(err)
		}
	}
}

// large is a book of 5,000 wheels; every tenth has 50 libraries.
func large(b *testing.B) *facts.Book {
	b.Helper()
	book := facts.New()
	for n := range 5000 {
		w := wheelFacts(n)
		w.Requires = nil
		for i := range 20 {
			w.Requires = append(w.Requires, fmt.Sprintf("project-%02d<4,>=2.1; python_version >= \"3.9\"", i))
		}
		if n%10 == 0 {
			w.Libraries = nil
			for i := range 50 {
				w.Libraries = append(w.Libraries, facts.Library{
					Member: fmt.Sprintf("pkg/module%02d.cpython-312-x86_64-linux-gnu.so", i), Machine: "x86_64", Modules: []string{"module"},
					Needed:   []string{"libc.so.6", "libm.so.6"},
					Versions: []facts.SymbolVersion{{Library: "libc.so.6", Version: "GLIBC_2.34"}, {Library: "libm.so.6", Version: "GLIBC_2.29"}},
				})
			}
		}
		if err := book.Add(name(n), sha(n), w, nil); err != nil {
			b.Fatal(err)
		}
	}
	return book
}

func BenchmarkBook(b *testing.B) {
	s := newStore()
	manifest, _ := s.seal(b, large(b), all)
	b.Run("seal 5000 wheels", func(b *testing.B) {
		book := large(b)
		for b.Loop() {
			s.seal(b, book, all)
		}
	})
	b.Run("load 5000 wheels", func(b *testing.B) {
		for b.Loop() {
			if _, err := facts.Load(context.Background(), s, manifest); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("add one to 5000", func(b *testing.B) {
		book := s.load(b, manifest)
		add(b, book, 5001)
		for b.Loop() {
			s.seal(b, book, all)
		}
	})
}
