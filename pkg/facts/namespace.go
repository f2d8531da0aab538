package facts

import "strings"

// Name spaces whose symbols are compared between wheels.
const (
	Torch = "torch"
	// TorchStable is what libtorch promises to keep: its C shims and the
	// header-only C++ on top of them.
	TorchStable = "torch-stable"
	Arrow       = "arrow"
)

// scopes are C++ name spaces at file level, as mangled.
var scopes = []struct{ component, namespace string }{
	{"3c10", Torch}, {"2at", Torch}, {"5torch", Torch}, {"6caffe2", Torch},
	{"5arrow", Arrow}, {"7parquet", Arrow},
}

// Namespace tells to which of the watched name spaces a symbol belongs, "" for
// none. C++ names (Itanium C++ ABI, section 5.1) belong to where they are
// declared; what is declared in std or at file level belongs to the name space
// that its arguments are from: THPVariable_Wrap(at::TensorBase) is torch's. The
// names of other projects that only mention torch are not.
func Namespace(symbol string) string {
	name, mangled := strings.CutPrefix(symbol, "_Z")
	if !mangled {
		return plainNamespace(symbol)
	}
	name = entity(name)
	inner, nested := strings.CutPrefix(name, "N")
	if nested {
		inner = strings.TrimLeft(inner, "rVKRO") // qualifiers of members
		for _, s := range scopes {
			rest, ok := strings.CutPrefix(inner, s.component)
			if ok {
				return stable(s.namespace, rest)
			}
		}
		if !strings.HasPrefix(inner, "S") {
			return "" // in a name space of others
		}
	}
	for _, s := range scopes {
		for at := 0; ; {
			i := strings.Index(name[at:], s.component)
			if i < 0 {
				break
			}
			at += i
			if opensName(name[:at]) {
				return stable(s.namespace, name[at+len(s.component):])
			}
			at += len(s.component)
		}
	}
	return ""
}

// stable moves torch::stable and torch::headeronly to where they belong.
func stable(namespace, rest string) string {
	if namespace == Torch && (strings.HasPrefix(rest, "6stable") || strings.HasPrefix(rest, "10headeronly")) {
		return TorchStable
	}
	return namespace
}

// opensName reports whether a nested name may begin right after before.
func opensName(before string) bool {
	return strings.HasSuffix(strings.TrimRight(before, "rVKRO"), "N")
}

// entity takes off what stands before the name that a special name is about:
// virtual tables, type information, guards, thunks, thread-local wrappers, and
// of things local to a function the function.
func entity(name string) string {
	for {
		rest := strings.TrimPrefix(name, "Z")
		for _, special := range []string{"TV", "TT", "TI", "TS", "TH", "TW", "GV", "GR"} {
			if after, ok := strings.CutPrefix(rest, special); ok {
				rest = after
				break
			}
		}
		if after, ok := strings.CutPrefix(rest, "T"); ok && after != "" && strings.IndexByte("hvc", after[0]) >= 0 {
			rest = afterOffsets(after)
		}
		if rest == name {
			return name
		}
		name = rest
	}
}

// afterOffsets cuts the call offsets of a thunk: h n16 _, v 0 _ n24 _, or c and
// two of them.
func afterOffsets(s string) string {
	return strings.TrimLeft(s, "hvcn0123456789_")
}

// plainNamespace is for C names.
func plainNamespace(symbol string) string {
	switch {
	case strings.HasPrefix(symbol, "aoti_torch_"), strings.HasPrefix(symbol, "torch_"):
		return TorchStable
	case len(symbol) > 3 && strings.HasPrefix(symbol, "THP") && symbol[3] >= 'A' && symbol[3] <= 'Z':
		return Torch // types and functions of torch's Python module
	}
	return ""
}
