package policy_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/test/signtest"
)

// files gives key files by name, as a program's directory would.
func files(t testing.TB) func(string) ([]byte, error) {
	t.Helper()
	known := map[string][]byte{}
	for _, name := range []string{"release", "promote", "refresh", "other"} {
		_, _, _, known[name+".pub"] = signtest.Key(t, name)
	}
	return func(name string) ([]byte, error) {
		if data, ok := known[name]; ok {
			return data, nil
		}
		return nil, errors.New("open " + name + ": no such file")
	}
}

const keys = `
keys:
  release:
    file: release.pub
    roles: [release]
  promote:
    file: promote.pub
    roles: [promote]
`

// withIndex is a policy with two keys and one index with further members.
func withIndex(lines ...string) string {
	return "version: 1" + keys + "indexes:\n- name: tools/3.4/cpu-ubi9\n  " + strings.Join(lines, "\n  ") + "\n"
}

// withKey is a policy whose release key has further members.
func withKey(lines ...string) string {
	return strings.Replace(withIndex(), "    roles: [release]\n", "    roles: [release]\n    "+strings.Join(lines, "\n    ")+"\n", 1)
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	tests := []struct {
		name, policy string
		want         []string // parts of the message
	}{
		{"an empty file", "", []string{"the file is empty"}},
		{"only a comment", "# nothing\n", []string{"the file is empty"}},
		{"no version", strings.Replace(withIndex(), "version: 1", "", 1), []string{"version is 0"}},
		{"another version", strings.Replace(withIndex(), "version: 1", "version: 2", 1), []string{"version is 2"}},
		{"a second document", withIndex() + "---\nversion: 1\n", []string{"2 documents"}},
		{"text that is no YAML", "version: 1\n\tkeys: {", []string{"[2:1]"}},
		{"a list for a file", "- version: 1\n", []string{"[1:"}},
		{"no indexes", "version: 1" + keys, []string{"no indexes"}},
		{"a misspelt member at the top", "verison: 1" + keys, []string{"[1:1]", "verison"}},
		{"a misspelt member of an index", withIndex("epochs: 1"), []string{"[11:3]", "epochs"}},
		{"a misspelt member of a key", withKey("revoke: true"), []string{"[6:5]", "revoke"}},
		{"a member in other case", withIndex("maxage: 1d"), []string{"maxage"}},
		{"a duplicate member", withIndex("epoch: 1", "epoch: 2"), []string{"[12:3]", "epoch"}},
		{"a duplicate key name", strings.Replace(withIndex(), "  promote:\n", "  release:\n", 1), []string{"release"}},
		{"a member without a value", withKey("notAfter:"), []string{"[6:", "without a value"}},
		{"a null", withIndex("deny: null"), []string{"without a value"}},
		{"an anchor", withIndex("keys: &a [release]"), []string{"anchors"}},
		{"a tag", withIndex("follow: !!str live"), []string{"[11:", "tags"}},
		{"more brackets than a parser should nest", withIndex("keys: " + strings.Repeat("[", 1<<15)), []string{"brackets"}},
		{"a number in quotes with a letter", withIndex(`epoch: "1a"`), []string{"1a", "whole number"}},
		{"a fraction", withIndex("epoch: 1.5"), []string{"[11:10]", "1.5"}},
		{"a negative number", withIndex("minSerial: -1"), []string{"-1"}},
		{"a zero epoch", withIndex("epoch: 0"), []string{"[11:", "from 1 on"}},
		{"a zero jump", withIndex("maxJump: 0"), []string{"[11:", "from 1 on"}},
		{"a zero threshold", withIndex("release: {threshold: 0}"), []string{"[11:", "from 1 on"}},
		{"a negative threshold", withIndex("promote: {threshold: -2}"), []string{"-2"}},
		{"a number that JSON can't hold", withIndex("epoch: 9007199254740993"), []string{"9007199254740993"}},
		{"a list where a number is wanted", withIndex("epoch: [1]"), []string{"[11:10]", "single value"}},
		{"a list where text is wanted", withIndex("follow: [live]"), []string{"[11:"}},
		{"text where a list is wanted", withIndex("keys: release"), []string{"[11:"}},
		{"text for a truth value", withIndex("requireGates: maybe"), []string{"[11:"}},
		{"a duration without a unit", withIndex("skew: 5"), []string{"[11:9]", `"5"`, "90m, 24h or 7d"}},
		{"a negative duration", withIndex("skew: -5m"), []string{"-5m"}},
		{"a duration of odd days", withIndex("grace: 1.5d"), []string{"1.5d"}},
		{"a duration of centuries", withIndex("grace: 2000000h"), []string{"at most"}},
		{"days beyond the limit", withIndex("grace: 36501d"), []string{"36501d"}},
		{"a date for an end", withKey("notAfter: 2026-12-31"), []string{"[6:15]", "2026-12-31", "2027-01-31T23:59:59Z"}},
		{"a time that does not exist", withKey("notAfter: 2026-13-45T00:00:00Z"), []string{"2026-13-45"}},
		{"an end before the beginning", withKey("notBefore: 2026-06-01T00:00:00Z", "notAfter: 2026-05-01T00:00:00Z"), []string{`"release"`, "not before"}},
		{"an unknown role", strings.Replace(withIndex(), "[release]", "[relaese]", 1), []string{`"release"`, "relaese", "refresh"}},
		{"a key without roles", strings.Replace(withIndex(), "    roles: [release]\n", "", 1), []string{"no roles"}},
		{"a key without material", strings.Replace(withIndex(), "    file: release.pub\n", "", 1), []string{"either file or pem"}},
		{"a key with both", withKey("pem: abc"), []string{"either file or pem"}},
		{"a key file that is not there", strings.Replace(withIndex(), "release.pub", "gone.pub", 1), []string{`"release"`, "gone.pub"}},
		{"a key that is none", strings.Replace(withIndex(), "file: release.pub", "pem: hello", 1), []string{`"release"`, "PEM"}},
		{"a key that is not listed", withIndex("keys: [release, promote, nobody]"), []string{"cpu-ubi9", `"nobody"`}},
		{"one key under two names", strings.Replace(withIndex(), "promote.pub", "release.pub", 1), []string{"same key"}},
		{"one key under two names, once revoked", withKey("revoked: true") + "- name: tools/3.5/cpu-ubi9\n" + "  keys: [promote]\n",
			[]string{"only 0"}},
		{"a threshold above the keys", withIndex("release: {threshold: 2}"), []string{"release threshold 2", "only 1"}},
		{"a promotion threshold above the keys", withIndex("promote: {threshold: 2}"), []string{"promote threshold 2", "only 1"}},
		{"a threshold above the format", withIndex("release: {threshold: 65}"), []string{"65", "64"}},
		{"the only key revoked", withKey("revoked: true"), []string{"only 0"}},
		{"no index name", "version: 1" + keys + "indexes:\n- epoch: 1\n", []string{"product/series/variant"}},
		{"an index twice", withIndex() + "- name: tools/3.4/cpu-ubi9\n", []string{"twice"}},
		{"a reserved variant", "version: 1" + keys + "indexes:\n- name: tools/3.4/cpu-test\n", []string{"reserved"}},
		{"an unknown follow", withIndex("follow: candidate"), []string{"live or release"}},
		{"an unknown freshness", withIndex("freshness: always"), []string{"head, maxAge or none"}},
		{"an unknown reaction", withIndex("onStale: panic"), []string{"serve or stop"}},
		{"a release with the default freshness", withIndex("follow: release"), []string{"maxAge or none"}},
		{"a release with freshness of the head", withIndex("follow: release", "freshness: head"), []string{"maxAge or none"}},
		{"a release with a lag", withIndex("follow: release", "freshness: none", "maxLag: 1h"), []string{"maxLag"}},
		{"maxAge without its freshness", withIndex("maxAge: 3d"), []string{"go together"}},
		{"that freshness without maxAge", withIndex("freshness: maxAge"), []string{"go together"}},
		{"a pin that is no digest", withIndex("pins: [latest]"), []string{"pins", "latest"}},
		{"a pin with another algorithm", withIndex("pins: [sha512:" + digest[7:] + "]"), []string{"sha512"}},
		{"a denial of nothing", withIndex("deny: [{reason: why}]"), []string{"without project, filename or sha256"}},
		{"a denial with half a hash", withIndex("deny: [{sha256: abc}]"), []string{"abc"}},
		{"a denial of no file name", withIndex("deny: [{filename: demo.exe}]"), []string{"demo.exe"}},
		{"a denial of no project", withIndex("deny: [{project: 'a b'}]"), []string{"a b"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := policy.Parse([]byte(test.policy), files(t))
			if err == nil {
				t.Fatal("accepted")
			}
			for _, part := range append(test.want, "policy: ") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is missing from: %v", part, err)
				}
			}
		})
	}
}

func TestParseRefusesLargeFiles(t *testing.T) {
	t.Parallel()
	if _, err := policy.Parse(make([]byte, policy.MaxFile+1), files(t)); err == nil || !strings.Contains(err.Error(), "the limit is") {
		t.Error(err)
	}
}

func TestParseRefusesOneKeyHalfRevoked(t *testing.T) {
	t.Parallel()
	text := "version: 1\nkeys:\n  a: {file: release.pub, roles: [release], revoked: true}\n  b: {file: release.pub, roles: [release]}\n" +
		"  p: {file: promote.pub, roles: [promote]}\nindexes:\n- {name: tools/3.4/cpu-ubi9, keys: [b, p]}\n"
	if _, err := policy.Parse([]byte(text), files(t)); err == nil || !strings.Contains(err.Error(), "only one of them is revoked") {
		t.Error(err)
	}
}

func parse(t testing.TB, text string) *policy.Index {
	t.Helper()
	p, err := policy.Parse([]byte(text), files(t))
	if err != nil {
		t.Fatal(err)
	}
	return p.Ordered()[0]
}

func TestParseDefaults(t *testing.T) {
	t.Parallel()
	got := parse(t, withIndex())
	name := index.Name{Product: "tools", Series: "3.4", Variant: "cpu-ubi9"}
	want := &policy.Index{
		Name: name, Epoch: 1, ReleaseThreshold: 1, PromoteThreshold: 1, Freshness: policy.FreshHead, Grace: 24 * time.Hour,
		Skew: 5 * time.Minute, MinSerial: 1, MaxJump: 10_000,
	}
	if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "keys" }, cmp.Ignore())); diff != "" {
		t.Error(diff)
	}
	if n := len(got.KeysFor(policy.Release, policy.Promote, policy.Refresh)); n != 2 {
		t.Errorf("%d keys, want all that the file has", n)
	}
}

func TestParseReadsEveryMember(t *testing.T) {
	t.Parallel()
	text := strings.Replace(withIndex(
		"epoch: 2", "keys: [promote, release]", "release: {threshold: 1}", "promote:", "  threshold: 1", "freshness: maxAge", "maxAge: 36h",
		"grace: 0s", "skew: 1m", "minSerial: 17", "maxJump: 100", "allowJumpTo: 5000", "maxLag: 2h", "requireGates: true", "onStale: stop",
		"pins: [sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a]",
		"deny:", "- project: Foo_Bar", "  reason: slow", "- filename: demo-1.0-py3-none-any.whl"),
		"[release]\n  promote:", "[release]\n    notBefore: 2026-01-01T00:00:00Z\n    notAfter: 2026-12-31T23:59:59+01:00\n    revoked: false\n  promote:", 1)
	got := parse(t, text)
	want := &policy.Index{
		Name: got.Name, Epoch: 2, ReleaseThreshold: 1, PromoteThreshold: 1, Freshness: policy.FreshMaxAge, MaxAge: 36 * time.Hour,
		Skew: time.Minute, MinSerial: 17, MaxJump: 100, AllowJumpTo: 5000, MaxLag: 2 * time.Hour, RequireGates: true, StopWhenStale: true,
		Pins: got.Pins,
		Deny: []policy.Denial{{Project: "foo-bar", Reason: "slow"}, {Filename: "demo-1.0-py3-none-any.whl"}},
	}
	if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "keys" }, cmp.Ignore())); diff != "" {
		t.Error(diff)
	}
	if len(got.Pins) != 1 {
		t.Errorf("pins %v", got.Pins)
	}
	key := got.KeysFor(policy.Release)[0]
	end := time.Date(2026, 12, 31, 22, 59, 59, 0, time.UTC)
	if !key.ValidAt(end) || key.ValidAt(end.Add(time.Second)) || key.ValidAt(time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC)) {
		t.Errorf("key is valid from %s to %s", key.NotBefore, key.NotAfter)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(withIndex("freshness: maxAge", "maxAge: 3d")))
	f.Add([]byte(withKey("notAfter: 2026-12-31T00:00:00Z")))
	f.Add([]byte(withIndex("deny: [{project: a}]", "pins: []")))
	f.Add([]byte("version: 1\nkeys: &a {b: *a}\n"))
	f.Add([]byte("? - : [,"))
	read := files(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Parse(data, read)
		if err != nil {
			return
		}
		for _, x := range p.Ordered() {
			if len(x.KeysFor(policy.Release)) < x.ReleaseThreshold || x.ReleaseThreshold < 1 || x.PromoteThreshold < 1 {
				t.Errorf("%s: a threshold that keys cannot meet", x.Name)
			}
		}
	})
}
