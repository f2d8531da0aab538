package wheel_test

import (
	"fmt"
	"strings"
	"testing"
)

func pathCases(t *testing.T) map[string]ruleCase {
	t.Helper()
	cases := map[string]ruleCase{}
	named := func(name string) []byte {
		m := member{name: name, content: "x", flags: 1 << 11}
		if strings.HasSuffix(name, "/") {
			m.content = ""
		}
		return wheelOf(m).bytes(t)
	}
	for what, name := range map[string]string{
		"absolute":                  "/etc/passwd",
		"drive letter":              "C:/demo.py",
		"drive letter without root": "c:demo.py",
		"parent at the front":       "../demo.py",
		"parent inside":             "demo/../../demo.py",
		"parent at the end":         "demo/..",
		"parent as a directory":     "demo/../",
		"dot":                       "demo/./a.py",
		"dot at the front":          "./demo/a.py",
		"empty part":                "demo//a.py",
		"two slashes at the end":    "demo//",
		"nothing":                   "",
		"slash":                     "/",
		"backslash":                 `demo\a.py`,
		"backslash and parent":      `..\a.py`,
		"NUL":                       "demo/a.py\x00.txt",
		"line end":                  "demo/a\n.py",
		"escape":                    "demo/a\x1b[2J.py",
		"C1 control character":      "demo/a\u009b.py",
		"text from right to left":   "demo/a\u202eyp.exe",
		"mark from left to right":   "demo/a\u200e.py",
		"separator of lines":        "demo/a\u2028b.py",
		"part too long":             "demo/" + strings.Repeat("a", 256),
		"too long":                  strings.Repeat("a/", 513),
		"not UTF-8":                 "demo/\xff.py",
	} {
		cases["path: "+what] = ruleCase{data: named(name), want: "path"}
	}
	cases["path: not marked as UTF-8"] = ruleCase{data: wheelOf(member{name: "demo/ä.py", content: "x"}).bytes(t), want: "path"}
	for what, name := range map[string]string{
		"dots inside a name":     "demo/a..py",
		"three dots":             "demo/.../a",
		"hidden file":            "demo/.hidden",
		"blanks":                 "demo/a file .py",
		"colon inside":           "demo/a:b.py",
		"quotes and commas":      "demo/a',;.py",
		"marked as UTF-8":        "demo/ä名.py",
		"longest part":           "demo/" + strings.Repeat("a", 255),
		"reserved name of DOS":   "demo/con.py",
		"tilde and wildcards":    "demo/~*?[].py",
		"letter as a directory":  "c/demo.py",
		"emoji with joiner":      "demo/\U0001f469\u200d\U0001f680.txt",
		"digits with long paths": strings.Repeat("abc/", 200) + "d",
	} {
		cases["path: "+what] = ruleCase{data: named(name)}
	}
	for mode, want := range map[uint32]string{
		0: "", 0o644: "", 0o100644: "", 0o100755: "", 0o100600: "", 0o120777: "link", 0o010644: "link", 0o020644: "link", 0o060644: "link", 0o140644: "link",
		0o040755: "link", 0o104755: "~mode", 0o102755: "~mode", 0o101644: "~mode",
	} {
		cases[fmt.Sprintf("mode %o", mode)] = ruleCase{data: wheelOf(member{name: "demo/a", content: "b", mode: mode}).bytes(t), want: want}
	}
	for mode, want := range map[uint32]string{0: "", 0o040755: "", 0o042755: "", 0o100644: "", 0o120777: "link"} {
		cases[fmt.Sprintf("mode %o of a directory", mode)] = ruleCase{data: wheelOf(member{name: "demo/", mode: mode}).bytes(t), want: want}
	}
	return cases
}

func collisionCases(t *testing.T) map[string]ruleCase {
	t.Helper()
	linux := "demo-1.0-py3-none-manylinux_2_28_x86_64.musllinux_1_2_x86_64.whl"
	files := func(names ...string) []member {
		var list []member
		for _, name := range names {
			list = append(list, member{name: name, content: name, flags: 1 << 11})
		}
		return list
	}
	pure := func(names ...string) []byte { return wheelOf(files(names...)...).bytes(t) }
	onLinux := func(names ...string) []byte {
		return tagged("py3-none-manylinux_2_28_x86_64.musllinux_1_2_x86_64", files(names...)...).bytes(t)
	}
	same := []member{{name: "demo/a.py", content: "x"}, {name: "demo/a.py", content: "x", record: "-"}}
	return map[string]ruleCase{
		"same name twice":                        {data: wheelOf(same...).bytes(t), want: "duplicate"},
		"METADATA twice":                         {data: wheelOf(append(files("a"), member{name: demo + "METADATA", content: "x"}, member{name: demo + "METADATA"})...).bytes(t), want: "duplicate"},
		"file and directory":                     {data: pure("demo/a", "demo/a/b"), want: "duplicate"},
		"file and directory, others between":     {data: pure("demo/a", "demo/a-b", "demo/a.b", "demo/a/b"), want: "duplicate"},
		"file and empty directory":               {data: wheelOf(member{name: "demo/a", content: "x"}, member{name: "demo/a/"}).bytes(t), want: "duplicate"},
		"directory twice":                        {data: wheelOf(member{name: "demo/"}, member{name: "demo/"}).bytes(t), want: "~duplicate"},
		"case in a wheel for any platform":       {data: pure("demo/a.py", "demo/A.py"), want: "collision"},
		"case of a directory":                    {data: pure("demo/a.py", "Demo/a.py"), want: "collision"},
		"case in a wheel for Linux":              {filename: linux, data: onLinux("demo/xt_mark.h", "demo/xt_MARK.h"), want: "~collision"},
		"case of file and directory":             {data: pure("demo/a/b.py", "demo/A"), want: "collision"},
		"case of file and directory on Linux":    {filename: linux, data: onLinux("demo/a/b.py", "demo/A"), want: "~collision"},
		"exact twins on Linux":                   {filename: linux, data: onLinux("demo/a", "demo/a/b"), want: "duplicate"},
		"composed and decomposed":                {data: pure("demo/\u00e4.py", "demo/a\u0308.py"), want: "collision"},
		"composed and decomposed on Linux":       {filename: linux, data: onLinux("demo/\u00e4.py", "demo/a\u0308.py"), want: "~collision"},
		"compatibility characters":               {data: pure("demo/fi.py", "demo/\ufb01.py"), want: "collision"},
		"case of letters that are not ASCII":     {data: pure("demo/ä.py", "demo/Ä.py"), want: "collision"},
		"names that only begin alike":            {data: pure("demo/a", "demo/ab", "demo/a-b/c", "demo.py")},
		"directories that differ in case":        {data: pure("demo/a.py", "Demo/b.py")},
		"module also among the platform modules": {data: pure("demo/a.py", "demo-1.0.data/platlib/demo/a.py"), want: "collision"},
		"module in both libraries":               {data: pure("demo-1.0.data/purelib/a.py", "demo-1.0.data/platlib/a.py"), want: "collision"},
		"script with the name of a module":       {data: pure("demo.py", "demo-1.0.data/scripts/demo.py")},
		"module also in the environment":         {data: pure("demo/a.py", "demo-1.0.data/data/lib/python3.11/site-packages/demo/a.py"), want: "collision"},
		"module also in Debian's directory":      {data: pure("demo/a.py", "demo-1.0.data/data/local/lib/python3.12/dist-packages/demo/a.py"), want: "collision"},
		"module also in that of Windows":         {data: pure("demo/a.py", "demo-1.0.data/data/Lib/site-packages/Demo/A.py"), want: "collision"},
		"script also in the environment":         {data: pure("demo-1.0.data/scripts/run", "demo-1.0.data/data/bin/run"), want: "collision"},
		"file in the environment alone":          {data: pure("demo/a.py", "demo-1.0.data/data/lib/python3.11/site-packages/demo/b.py", "demo-1.0.data/data/share/demo/a.py")},
	}
}

func distInfoCases(t *testing.T) map[string]ruleCase {
	t.Helper()
	with := func(names ...string) []byte {
		var list []member
		for _, name := range names {
			list = append(list, member{name: name, content: name})
		}
		return wheelOf(list...).bytes(t)
	}
	without := func(name string) []byte {
		a := wheelOf(member{name: "demo/a.py", content: "x"})
		var kept []member
		for _, m := range a.members {
			if m.name != demo+name {
				kept = append(kept, m)
			}
		}
		a.members, a.record = kept, name != "RECORD"
		return a.bytes(t)
	}
	return map[string]ruleCase{
		"dist-info of another project":    {filename: "other-1.0-py3-none-any.whl", data: with(), want: "dist-info"},
		"dist-info of another version":    {filename: "demo-1.0.1-py3-none-any.whl", data: with(), want: "dist-info"},
		"dist-info in another spelling":   {filename: "Demo-1.0.0-py3-none-any.whl", data: with()},
		"second dist-info":                {data: with("other-1.0.dist-info/METADATA"), want: "dist-info"},
		"second dist-info, empty":         {data: wheelOf(member{name: "other-1.0.dist-info/"}).bytes(t), want: "dist-info"},
		"second dist-info in capitals":    {data: with("other-1.0.DIST-INFO/METADATA"), want: "dist-info"},
		"file called dist-info":           {data: with("x.dist-info"), want: "dist-info"},
		"dist-info below":                 {data: with("demo/x.dist-info/METADATA")},
		"dist-info as data":               {data: with("demo-1.0.data/purelib/other-1.0.dist-info/METADATA"), want: "dist-info"},
		"dist-info as data in capitals":   {data: with("demo-1.0.data/platlib/other-1.0.Dist-Info/METADATA"), want: "dist-info"},
		"dist-info as data, further down": {data: with("demo-1.0.data/purelib/demo/other-1.0.dist-info/METADATA")},
		"dist-info in the environment":    {data: with("demo-1.0.data/data/lib/python3.11/site-packages/other-1.0.dist-info/METADATA"), want: "dist-info"},
		"dist-info in lib64":              {data: with("demo-1.0.data/data/lib64/python3.11t/site-packages/other-1.0.dist-info/METADATA"), want: "dist-info"},
		"dist-info in a data directory":   {data: with("demo-1.0.data/data/share/site-packages/other-1.0.dist-info/METADATA")},
		"egg-info of another project":     {data: with("other-2.0.egg-info/PKG-INFO"), want: "dist-info"},
		"egg-info that is a file":         {data: with("Other-2.0-py3.11.EGG-INFO"), want: "dist-info"},
		"egg-info as data":                {data: with("demo-1.0.data/purelib/other.egg-info/PKG-INFO"), want: "dist-info"},
		"egg-info of the project":         {data: with("Demo.egg-info/PKG-INFO"), want: "~dist-info"},
		"egg-info of another version":     {data: with("demo-0.9-py3.11.egg-info"), want: "~dist-info"},
		"egg-info below":                  {data: with("demo/tests/other.egg-info/PKG-INFO")},
		"no METADATA":                     {data: without("METADATA"), want: "member"},
		"no WHEEL":                        {data: without("WHEEL"), want: "member"},
		"no RECORD":                       {data: without("RECORD"), want: "member"},

		"all schemes": {data: with("demo-1.0.data/scripts/run", "demo-1.0.data/headers/a.h", "demo-1.0.data/data/share/x",
			"demo-1.0.data/purelib/a.py", "demo-1.0.data/platlib/b.py")},
		"data with its directories":         {data: wheelOf(member{name: "demo-1.0.data/"}, member{name: "demo-1.0.data/data/"}).bytes(t)},
		"unknown scheme":                    {data: with("demo-1.0.data/stdlib/os.py"), want: "data"},
		"file without a scheme":             {data: with("demo-1.0.data/run"), want: "data"},
		"data of another release":           {data: with("other-1.0.data/scripts/run"), want: "data"},
		"data in another spelling":          {data: with("Demo-1.0.data/scripts/run"), want: "~data"},
		"script in a directory":             {data: with("demo-1.0.data/scripts/sub/run"), want: "data"},
		"script called like an interpreter": {data: with("demo-1.0.data/scripts/python3.12"), want: "data"},
		"interpreter as data":               {data: with("demo-1.0.data/data/bin/python"), want: "data"},
		"module python":                     {data: with("demo-1.0.data/purelib/python.py", "demo-1.0.data/data/python")},
		"file called data":                  {data: with("x.data")},
		"directory called data, not .data":  {data: with("data/x", "demo/x.data/y")},
	}
}
