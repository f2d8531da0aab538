package index_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

func promotion() index.Promotion {
	return index.Promotion{
		By: "release team", Epoch: 1, Issued: day, Name: "tools/3.4/cpu-ubi9", Reason: "new", Revision: blob("revision").Digest,
		Sequence: 9, Serial: 12, Stage: index.StageLive,
		Recent: []index.Recent{
			{From: day.Add(-time.Hour), Until: day, Revision: blob("r8").Digest, Sequence: 8, Serial: 11},
			{From: day.Add(-3 * time.Hour), Until: day.Add(-2 * time.Hour), Revision: blob("r7").Digest, Sequence: 6, Serial: 11},
		},
		Withdrawn: withdrawn("alpha-0.9-py3-none-any.whl", 3),
	}
}

// sent encodes a statement as it is signed and decodes it again.
func sent(t *testing.T, s dsse.Statement, err error) *dsse.Statement {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := dsse.DecodeStatement(data)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func TestStatementsComeBack(t *testing.T) {
	t.Parallel()
	p := promotion()
	s, err := p.Statement()
	if got, err := index.DecodePromotion(sent(t, s, err)); err != nil || !cmp.Equal(p, got) {
		t.Errorf("promotion: %v\n%s", err, cmp.Diff(p, got))
	}
	f := index.Freshness{Counter: 3, Epoch: 1, Issued: day, Expires: day.Add(time.Second), Name: p.Name, Promotion: blob("p").Digest.Encoded(), Stage: index.StageLive}
	s, err = f.Statement()
	fresh := sent(t, s, err)
	if got, err := index.DecodeFreshness(fresh); err != nil || got != f {
		t.Errorf("freshness: %v\n%s", err, cmp.Diff(f, got))
	}
	c := index.Claims{Catalog: blob("c").Digest.Encoded(), Epoch: 1, Issued: day, Name: p.Name, Serial: 12}
	s, err = c.Statement(catalogEntry.Digest)
	claims := sent(t, s, err)
	if got, err := index.DecodeClaims(claims, catalogEntry.Digest); err != nil || got != c {
		t.Errorf("claims: %v\n%s", err, cmp.Diff(c, got))
	}
	if _, err := index.DecodeClaims(claims, signatureEntry.Digest); ruleOf(t, err) != "subject" {
		t.Errorf("claims about another manifest: %v", err)
	}
	if _, err := index.DecodeClaims(claims, "sha512:00"); ruleOf(t, err) != "digest" {
		t.Errorf("claims about no digest: %v", err)
	}
	// One signature counts for one purpose.
	if _, err := index.DecodePromotion(fresh); ruleOf(t, err) != "predicate-type" {
		t.Errorf("freshness as promotion: %v", err)
	}
	if _, err := index.DecodeFreshness(claims); ruleOf(t, err) != "predicate-type" {
		t.Errorf("claims as freshness: %v", err)
	}
}

func TestReleaseComesBack(t *testing.T) {
	t.Parallel()
	r := index.Release{
		Epoch: 1, Format: 1, Issued: day, Product: "tools", Sequence: 2, Series: "3.4",
		Variants: map[string]index.Released{"cpu": {HeadSequence: 1, Revision: blob("a").Digest, Serial: 3}, "rocm": {HeadSequence: 2, Revision: blob("b").Digest, Serial: 4}},
	}
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := index.DecodeRelease(data)
	if err != nil || !cmp.Equal(&r, again) {
		t.Fatalf("%v\n%s", err, cmp.Diff(&r, again))
	}
	s, err := r.Statement()
	signed := sent(t, s, err)
	if err := again.CheckStatement(signed); err != nil {
		t.Error(err)
	}
	again.Variants["cpu"] = index.Released{HeadSequence: 1, Revision: blob("c").Digest, Serial: 3}
	if err := again.CheckStatement(signed); ruleOf(t, err) != "subject" {
		t.Errorf("another release: %v", err)
	}
}

// TestPromotionRefuses has what a program can put into a promotion; documents
// are in test/vectors.
func TestPromotionRefuses(t *testing.T) {
	t.Parallel()
	many := make([]index.Recent, index.MaxRecent+1)
	for name, c := range map[string]struct {
		rule string
		edit func(*index.Promotion)
	}{
		"nothing":                       {"", func(*index.Promotion) {}},
		"first of all":                  {"", func(p *index.Promotion) { p.Sequence, p.Recent = 1, nil }},
		"sequence 2^53":                 {"sequence", func(p *index.Promotion) { p.Sequence = 1 << 53 }},
		"serial 2^53":                   {"serial", func(p *index.Promotion) { p.Serial = 1 << 53 }},
		"withdrawn since 2^53":          {"withdrawn", func(p *index.Promotion) { p.Withdrawn = withdrawn("alpha-0.9-py3-none-any.whl", 1<<53) }},
		"no revision":                   {"digest", func(p *index.Promotion) { p.Revision = "" }},
		"no stage":                      {"stage", func(p *index.Promotion) { p.Stage = "" }},
		"name of a candidate":           {"name", func(p *index.Promotion) { p.Name += "-test" }},
		"too many recent":               {"recent", func(p *index.Promotion) { p.Recent = many }},
		"recent in the future":          {"recent", func(p *index.Promotion) { p.Recent[0].Until = day.Add(time.Second) }},
		"recent that overlap":           {"recent", func(p *index.Promotion) { p.Recent[1].Until = day.Add(-time.Minute) }},
		"recent sequence twice":         {"recent", func(p *index.Promotion) { p.Recent[1].Sequence = 8 }},
		"recent serial after":           {"recent", func(p *index.Promotion) { p.Recent[0].Serial = 13 }},
		"recent that lasted no time":    {"", func(p *index.Promotion) { p.Recent[0].From = p.Recent[0].Until }},
		"reason with a carriage return": {"reason", func(p *index.Promotion) { p.Reason = "a\rb" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := promotion()
			c.edit(&p)
			if _, err := p.Statement(); ruleOf(t, err) != c.rule {
				t.Errorf("got %v, want rule %q", err, c.rule)
			}
		})
	}
}
