package difftest_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
)

// source makes inputs. The seed is fixed, so a failure can be had again;
// DIFFTEST_SEED=N gives other inputs.
type source struct{ *rand.Rand }

func newSource(seed uint64) source {
	other, _ := strconv.ParseUint(os.Getenv("DIFFTEST_SEED"), 10, 64)
	return source{rand.New(rand.NewPCG(seed, other))}
}

func (s source) pick(list ...string) string { return list[s.IntN(len(list))] }

func (s source) maybe(chance float64, f func() string) string {
	if s.Float64() < chance {
		return f()
	}
	return ""
}

// repeat gives n strings of f after the given ones.
func repeat(list []string, n int, f func() string) []string {
	for range n {
		list = append(list, f())
	}
	return list
}

// version is valid, small numbers being likely so that versions meet.
func (s source) version() string {
	var b strings.Builder
	b.WriteString(s.maybe(0.05, func() string { return s.pick("v", "V", " ") }))
	b.WriteString(s.maybe(0.08, func() string { return s.pick("0!", "1!", "2!") }))
	for i := range 1 + s.IntN(4) {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.number())
	}
	b.WriteString(s.maybe(0.35, func() string {
		return s.separator() + s.pick("a", "b", "c", "rc", "alpha", "BETA", "pre", "preview") + s.separator() + s.maybe(0.8, s.number)
	}))
	b.WriteString(s.maybe(0.3, func() string {
		return s.pick("-"+s.number(), s.separator()+s.pick("post", "rev", "r", "POST")+s.separator()+s.maybe(0.8, s.number))
	}))
	b.WriteString(s.maybe(0.25, func() string {
		return s.separator() + s.pick("dev", "DEV") + s.separator() + s.maybe(0.8, s.number)
	}))
	b.WriteString(s.maybe(0.2, s.local))
	return b.String()
}

func (s source) separator() string { return s.pick("", "", ".", "-", "_") }

func (s source) number() string {
	if s.Float64() < 0.02 {
		return s.pick("00", "01", "10", "20240115", "18446744073709551616", "99999999999999999999999")
	}
	return strconv.Itoa(s.IntN(4))
}

func (s source) local() string {
	segments := make([]string, 1+s.IntN(3))
	for i := range segments {
		segments[i] = s.pick("0", "1", "01", "10", "cpu", "CPU", "abc", "1a", "a1", "z")
	}
	return "+" + strings.Join(segments, s.pick(".", "-", "_"))
}

// specifier is mostly valid: wildcards and locals meet any operator.
func (s source) specifier() string {
	clauses := make([]string, 1+s.IntN(3))
	for i := range clauses {
		clauses[i] = s.maybe(0.1, func() string { return " " }) +
			s.pick("==", "==", "!=", "<=", ">=", "<", ">", "~=", "===") +
			s.maybe(0.1, func() string { return " " }) +
			s.pick(s.version(), s.public(), s.public()) +
			s.maybe(0.1, func() string { return ".*" })
	}
	return strings.Join(clauses, ",")
}

func (s source) public() string {
	public, _, _ := strings.Cut(s.version(), "+")
	return strings.TrimSpace(public)
}

var variableNames = []string{
	"python_version", "python_full_version", "os_name", "sys_platform", "platform_release",
	"platform_system", "platform_version", "platform_machine", "platform_python_implementation",
	"implementation_name", "implementation_version", "extra", "extras", "dependency_groups",
	"os.name", "sys.platform", "python_implementation",
}

func (s source) marker(depth int) string {
	var b strings.Builder
	for i := range 1 + s.IntN(3) {
		if i > 0 {
			b.WriteString(" " + s.pick("and", "or") + " ")
		}
		if depth > 0 && s.Float64() < 0.25 {
			b.WriteString("(" + s.marker(depth-1) + ")")
			continue
		}
		left, right := s.pick(variableNames...), s.literal()
		if s.Float64() < 0.2 {
			left, right = right, left
		}
		if s.Float64() < 0.03 {
			right = s.pick(variableNames...)
		}
		b.WriteString(left + " " + s.pick("==", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "~=", "===") + " " + right)
	}
	return b.String()
}

func (s source) literal() string {
	text := s.pick("3.8", "3.12", "3.12.4", "3.14.0rc1", "3.*", "2.7 3.12", "linux", "posix", "nt", "win32", "Linux",
		"x86_64", "aarch64", "cpython", "CPython", "pypy", "5.14.0", "test", "Te.st", "dev", "", "7.3.20", s.version(), s.public())
	return s.pick(`"`+text+`"`, `'`+text+`'`)
}

func (s source) requirement() string {
	return s.pick("torch", "Foo.Bar", "a", "x_1", "typing-extensions") +
		s.maybe(0.3, func() string { return s.pick("[a]", "[a,b]", " [ b , a ] ", "[]", "[x-1.y]") }) +
		s.maybe(0.2, func() string { return " " }) +
		s.maybe(0.7, func() string {
			if s.Float64() < 0.2 {
				return "(" + s.specifier() + ")"
			}
			return s.specifier()
		}) +
		s.maybe(0.4, func() string { return s.pick(" ; ", ";") + s.marker(1) })
}

func (s source) wheelName() string {
	name := s.pick("torch", "Foo.Bar", "foo_bar", "x", "nvidia_nccl_cu12")
	tags := s.pick("py3-none-any", "cp312-cp312-linux_x86_64", "cp311.cp312-abi3-manylinux_2_28_x86_64.manylinux2014_x86_64", "py2.py3-none-any")
	return name + "-" + strings.TrimSpace(s.version()) + s.maybe(0.3, func() string {
		return "-" + s.number() + s.maybe(0.3, func() string { return s.pick("a", "_1", ".2", "cuda") })
	}) + "-" + tags + ".whl"
}

func (s source) sdistName() string {
	return s.pick("torch", "Foo.Bar", "foo-bar", "x", "a_b-c.d") + "-" + strings.TrimSpace(s.version()) + s.pick(".tar.gz", ".tar.gz", ".zip")
}

// mutate changes one to three characters of one of the given strings.
func (s source) mutate(list []string) string {
	const alphabet = `0123456789abcdeprtvxz.-_+!*,;()[]'"<>=~@ $&#/\|A` + "\t\n\u00a0\u00e9\u0661\u017f"
	letters := []rune(alphabet)
	text := []rune(list[s.IntN(len(list))])
	for range 1 + s.IntN(3) {
		i := s.IntN(len(text) + 1)
		c := letters[s.IntN(len(letters))]
		switch s.IntN(4) {
		case 0:
			text = append(text[:i:i], append([]rune{c}, text[i:]...)...)
		case 1:
			if i < len(text) {
				text = append(text[:i:i], text[i+1:]...)
			}
		case 2:
			if i < len(text) {
				text[i] = c
			}
		default: // repeat a piece elsewhere
			if j := i + s.IntN(4); j <= len(text) {
				k := s.IntN(len(text) + 1)
				text = append(text[:k:k], append(append([]rune{}, text[i:j]...), text[k:]...)...)
			}
		}
	}
	return string(text)
}
