package capture_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/cmd/pinwheel/internal/capture"
)

// TestBombs are small archives whose evaluation would take hours or gigabytes;
// a limit ends it.
func TestBombs(t *testing.T) {
	t.Parallel()
	list := func(n int, f func(i int) entry) []byte {
		all := []entry{libc, {path: "etc/ld.so.conf", content: "include /etc/ld.so.conf.d/*.conf"}}
		for i := range n {
			all = append(all, f(i))
		}
		return archive(t, all)
	}
	deep := strings.Repeat("a/", 1900)
	for name, c := range map[string]struct {
		data []byte
		want string // of the error
	}{
		"configuration that includes itself": {list(40, func(i int) entry {
			return entry{path: fmt.Sprintf("etc/ld.so.conf.d/%d.conf", i), content: strings.Repeat("include *.conf\n", 40)}
		}), ""},
		"too much configuration": {list(20, func(i int) entry {
			return entry{path: fmt.Sprintf("etc/ld.so.conf.d/%d.conf", i), content: strings.Repeat("a\n", 32<<10)}
		}), "more entries"},
		"patterns without number": {list(1000, func(i int) entry {
			return entry{path: fmt.Sprintf("etc/ld.so.conf.d/%d.conf", i), content: strings.Repeat("include "+strings.Repeat("*a", 40)+"\n", 10)}
		}), "longer, links and paths"},
		"a long path": {list(1, func(int) entry { return entry{path: strings.Repeat(deep, 2) + "x.so", content: "x"} }), "longer, links and paths"},
		"a long link": {list(1, func(int) entry { return entry{path: "usr/lib64/x.so", link: strings.Repeat(deep, 2)} }), "longer, links and paths"},
		"links to long paths": {list(3000, func(i int) entry {
			if i < 40 {
				return entry{path: fmt.Sprint(i), link: fmt.Sprintf("/%s%s%d", strings.Repeat("a/", 600), strings.Repeat("../", 600), i+1)}
			}
			return entry{path: fmt.Sprintf("usr/lib64/%d.so", i), link: "/0"}
		}), "longer, links and paths"},
		"deep directories": {list(700, func(i int) entry { return entry{path: deep + fmt.Sprint(i)} }), "longer, links and paths"},
		"sparse files":     {sparse(9, 8<<30), "more content"},
		"a sparse file":    {append(sparse(1, 1<<20), list(0, nil)...), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := capture.Tar(t.Context(), bytes.NewReader(c.data))
			if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v, want %q", s, err, c.want)
			}
		})
	}
}

// sparse is n files without content that are size bytes long (PAX, format 1.0 of
// GNU tar), without the end of an archive: archive/tar does not write such.
func sparse(n int, size int64) []byte {
	var b bytes.Buffer
	part := func(kind byte, name, content string) {
		var h [512]byte
		copy(h[:], name)
		copy(h[100:], "0000644\x000000000\x000000000\x00")
		copy(h[124:], fmt.Sprintf("%011o\x0000000000000\x00        ", len(content)))
		h[156] = kind
		copy(h[257:], "ustar\x0000")
		sum := 0
		for _, c := range h {
			sum += int(c)
		}
		copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
		b.Write(h[:])
		b.WriteString(content + strings.Repeat("\x00", -len(content)&511))
	}
	for i := range n {
		name := fmt.Sprintf("usr/lib64/lib%d.so", i)
		text := ""
		for _, record := range []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=" + name, fmt.Sprintf("GNU.sparse.realsize=%d", size)} {
			text += fmt.Sprintf("%d %s\n", len(record)+4, record) // two digits
		}
		part(tar.TypeXHeader, "x", text)
		part(tar.TypeReg, "GNUSparseFile.0/x", "0\n"+strings.Repeat("\x00", 510))
	}
	return b.Bytes()
}
