package policy

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// duration is a Go duration ("24h") or days ("7d").
type duration time.Duration

// UnmarshalYAML reads a duration.
func (d *duration) UnmarshalYAML(node ast.Node) error { return scalar(node, d.parse) }

func (d *duration) parse(s string) error {
	if n := len(s) - 1; n > 0 && s[n] == 'd' {
		var days int
		if _, err := fmt.Sscanf(s, "%dd", &days); err != nil || fmt.Sprintf("%dd", days) != s || days < 0 || days > 36500 {
			return fmt.Errorf("duration %q: want a number of days such as 7d", s)
		}
		*d = duration(time.Duration(days) * 24 * time.Hour)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 || v > maxDuration {
		return fmt.Errorf("duration %q: want such as 90m, 24h or 7d, at most 36500d", s)
	}
	*d = duration(v)
	return nil
}

// maxDuration keeps sums of durations and times from overflowing.
const maxDuration = 36500 * 24 * time.Hour

// instant is a time in RFC 3339. A type of its own, because the library takes
// a time that it cannot read for none, which would let a key live for ever. A
// date alone is refused: for an end, the day's beginning is hardly meant.
type instant time.Time

// UnmarshalYAML reads a time.
func (i *instant) UnmarshalYAML(node ast.Node) error { return scalar(node, i.parse) }

func (i *instant) parse(text string) error {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("time %q: want such as 2027-01-31T23:59:59Z", text)
	}
	*i = instant(t)
	return nil
}

// number is an integer from 1 on, as all numbers in a policy are; the library
// would take "2" and 2.0 too.
type number uint64

// UnmarshalYAML reads a number.
func (n *number) UnmarshalYAML(node ast.Node) error { return scalar(node, n.parse) }

func (n *number) parse(text string) error {
	v, err := strconv.ParseUint(text, 10, 53)
	if err != nil || v == 0 || text != strconv.FormatUint(v, 10) {
		return fmt.Errorf("number %q: want a whole number from 1 on", text)
	}
	*n = number(v)
	return nil
}

// scalar parses the text of one value and says where a wrong one stands.
func scalar(node ast.Node, parse func(string) error) error {
	at := node.GetToken().Position
	if _, ok := node.(ast.ScalarNode); !ok {
		return fmt.Errorf("[%d:%d] want a single value", at.Line, at.Column)
	}
	if err := parse(node.GetToken().Value); err != nil {
		return fmt.Errorf("[%d:%d] %w", at.Line, at.Column, err)
	}
	return nil
}

// or returns the number, or a default where there is none.
func (n *number) or(other uint64) uint64 {
	if n == nil {
		return other
	}
	return uint64(*n)
}

// checkPlain refuses what the decoder would read without a word: a second
// document, members without a value (an end date left blank is no end), and
// anchors, aliases and tags, which nobody needs here.
func checkPlain(data []byte) error {
	depth := 0
	for _, c := range data {
		if c == '[' || c == '{' {
			depth++
		}
	}
	if depth > maxFlow {
		return fmt.Errorf("%d brackets, the limit is %d", depth, maxFlow)
	}
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		return err
	}
	if len(f.Docs) > 1 {
		return fmt.Errorf("%d documents in the file, want one", len(f.Docs))
	}
	if len(f.Docs) == 0 || f.Docs[0].Body == nil || f.Docs[0].Body.Type() == ast.CommentType || f.Docs[0].Body.Type() == ast.CommentGroupType {
		return errors.New("the file is empty; a policy begins with version: 1")
	}
	var p plainness
	ast.Walk(&p, f.Docs[0].Body)
	return p.err
}

// plainness is a visitor that keeps the first node which is not plain.
type plainness struct{ err error }

// Visit looks at one node.
func (p *plainness) Visit(n ast.Node) ast.Visitor {
	if p.err != nil {
		return nil
	}
	what := ""
	switch n.(type) {
	case *ast.NullNode:
		what = "a member without a value: give one or leave the member out"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		what = "anchors, aliases and merge keys are not for policies"
	case *ast.TagNode:
		what = "tags (!) are not for policies"
	}
	if what != "" {
		at := n.GetToken().Position
		p.err = fmt.Errorf("[%d:%d] %s", at.Line, at.Column, what)
	}
	return p
}
