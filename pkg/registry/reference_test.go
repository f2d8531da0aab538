package registry_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

const someDigest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

func TestParseReference(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   string
		want registry.Reference
		back string // what String gives, if not the input
	}{
		"tag": {
			in:   "registry.example/rhai/wheels-3.4:3.4-cpu-ubi9",
			want: registry.Reference{Registry: "registry.example", Repository: "rhai/wheels-3.4", Tag: "3.4-cpu-ubi9"},
		},
		"host with port, one component": {
			in:   "localhost:5000/wheels:x",
			want: registry.Reference{Registry: "localhost:5000", Repository: "wheels", Tag: "x"},
		},
		"IPv6 address": {
			in:   "[::1]:5000/wheels:x",
			want: registry.Reference{Registry: "[::1]:5000", Repository: "wheels", Tag: "x"},
		},
		"localhost": {
			in:   "localhost/wheels",
			want: registry.Reference{Registry: "localhost", Repository: "wheels"},
		},
		"digest": {
			in:   "registry.example/a/b@" + someDigest,
			want: registry.Reference{Registry: "registry.example", Repository: "a/b", Digest: someDigest},
		},
		"tag and digest": {
			in:   "registry.example/a/b:t@" + someDigest,
			want: registry.Reference{Registry: "registry.example", Repository: "a/b", Tag: "t", Digest: someDigest},
		},
		"layout with tag": {
			in:   "oci-layout:/srv/wheels:3.4",
			want: registry.Reference{Kind: registry.KindLayout, Dir: "/srv/wheels", Tag: "3.4"},
		},
		"layout with digest": {
			in:   "oci-layout:wheels@" + someDigest,
			want: registry.Reference{Kind: registry.KindLayout, Dir: "wheels", Digest: someDigest},
		},
		"layout alone": {
			in:   "oci-layout:./wheels/",
			want: registry.Reference{Kind: registry.KindLayout, Dir: "wheels"},
			back: "oci-layout:wheels",
		},
		"layout with a colon inside its path": {
			in:   "oci-layout:/srv/a:b/c",
			want: registry.Reference{Kind: registry.KindLayout, Dir: "/srv/a:b/c"},
		},
		"layout with a colon in its last component": {
			in:   "oci-layout:/srv/a:b/",
			want: registry.Reference{Kind: registry.KindLayout, Dir: "/srv/a:b"},
		},
		"layout with a colon in its last component and a tag": {
			in:   "oci-layout:/srv/a:b:t",
			want: registry.Reference{Kind: registry.KindLayout, Dir: "/srv/a:b", Tag: "t"},
		},
		"layout with a colon in its last component and a digest": {
			in:   "oci-layout:/srv/a:b/@" + someDigest,
			want: registry.Reference{Kind: registry.KindLayout, Dir: "/srv/a:b", Digest: someDigest},
		},
		"layout in the root directory": {
			in:   "oci-layout:/:t",
			want: registry.Reference{Kind: registry.KindLayout, Dir: "/", Tag: "t"},
		},
		"layout with an at sign in its path": {
			in:   "oci-layout:/srv/me@home:t",
			want: registry.Reference{Kind: registry.KindLayout, Dir: "/srv/me@home", Tag: "t"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := registry.ParseReference(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParseReference(%q) (-want +got):\n%s", tt.in, diff)
			}
			back := tt.in
			if tt.back != "" {
				back = tt.back
			}
			if got.String() != back {
				t.Errorf("String is %q, want %q", got, back)
			}
		})
	}
}

func TestParseReferenceRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, says string }{
		"empty":                  {"", "no registry host"},
		"no host":                {"rhai/wheels:3.4", "no registry host"},
		"no host, one component": {"wheels", "no registry host"},
		"scheme":                 {"docker://registry.example/a:b", `leave out "docker://"`},
		"skopeo's layout":        {"oci:/srv/x:t", "oci-layout:DIR:TAG"},
		"upper case":             {"registry.example/A:b", "repository name"},
		"no repository":          {"registry.example/", "repository name"},
		"empty tag":              {"registry.example/a:", "is not a tag"},
		"tag with slash":         {"registry.example/a:b/c", "is not a tag"},
		"bad port":               {"registry.example:x/a:b", "host name"},
		"user in host":           {"me@registry.example/a:b", "digest"},
		"query in host":          {"registry.example?x=/a:b", "host name"},
		"short digest":           {"registry.example/a@sha256:abc", "digest"},
		"other algorithm":        {"registry.example/a@sha512:" + strings.Repeat("a", 128), "only sha256"},
		"dots":                   {"registry.example/../a:b", "repository name"},
		"layout without a dir":   {"oci-layout:", "no directory"},
		"layout, tag only":       {"oci-layout::t", "no directory"},
		"layout, bad digest":     {"oci-layout:x@sha256:abc", "digest"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref, err := registry.ParseReference(tt.in)
			if err == nil {
				t.Fatalf("ParseReference(%q) = %+v, want an error", tt.in, ref)
			}
			if !errors.Is(err, errdef.ErrInvalidReference) {
				t.Errorf("%v does not match ErrInvalidReference", err)
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %q does not say %q", err, tt.says)
			}
		})
	}
}

// What is accepted must come back from its own text, or a reference that is
// printed, stored and read again names something else.
func FuzzParseReference(f *testing.F) {
	for _, s := range []string{
		"registry.example/a/b:t@" + someDigest, "localhost:5000/a", "oci-layout:/a:b/", "oci-layout:a:b:c",
		"oci-layout:./a@" + someDigest, "oci-layout:a@b", "oci-layout:/", "oci-layout:a@sha", "oci-layout:/:t", "[::1]/a:b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := registry.ParseReference(s)
		if err != nil {
			return
		}
		again, err := registry.ParseReference(ref.String())
		if err != nil {
			t.Fatalf("%q became %q, which is refused: %v", s, ref, err)
		}
		if again != ref {
			t.Fatalf("%q is %+v, but its text %q is %+v", s, ref, ref, again)
		}
	})
}
