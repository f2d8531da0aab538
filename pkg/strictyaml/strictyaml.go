// Package strictyaml reads the YAML files that people write, such as policies and
// targets: one document, known members only, nothing that is taken for something
// else without a word.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFlow bounds brackets, because the parser recurses.
const maxFlow = 1 << 14

// Unmarshal decodes one document into v, whose fields have yaml tags. It refuses
// unknown and repeated members, members without a value, a second document, anchors,
// aliases and tags; errors say line and column. The caller bounds the size.
func Unmarshal(data []byte, v any) error {
	if err := checkPlain(data); err != nil {
		return err
	}
	return yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(v)
}

// Text is a string that must look like one: 3.10 without quotes is a number to
// YAML, and would become "3.1".
type Text string

// UnmarshalYAML reads a string.
func (t *Text) UnmarshalYAML(node ast.Node) error {
	switch n := node.(type) {
	case *ast.StringNode:
		*t = Text(n.Value)
	case *ast.LiteralNode:
		*t = Text(n.Value.Value)
	default:
		at := node.GetToken().Position
		if _, ok := node.(ast.ScalarNode); !ok {
			return fmt.Errorf("[%d:%d] want a single value", at.Line, at.Column)
		}
		return fmt.Errorf("[%d:%d] want text: write %q in quotes", at.Line, at.Column, node.GetToken().Value)
	}
	return nil
}

// Scalar parses the text of one value and says where a wrong one stands.
func Scalar(node ast.Node, parse func(string) error) error {
	at := node.GetToken().Position
	if _, ok := node.(ast.ScalarNode); !ok {
		return fmt.Errorf("[%d:%d] want a single value", at.Line, at.Column)
	}
	if err := parse(node.GetToken().Value); err != nil {
		return fmt.Errorf("[%d:%d] %w", at.Line, at.Column, err)
	}
	return nil
}

// checkPlain refuses what the decoder would read without a word: a second
// document, members without a value (an end date left blank is no end), and
// anchors, aliases and tags, which nobody needs in a short file.
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
		return errors.New("the file is empty")
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
		what = "anchors, aliases and merge keys are not allowed here"
	case *ast.TagNode:
		what = "tags (!) are not allowed here"
	}
	if what != "" {
		at := n.GetToken().Position
		p.err = fmt.Errorf("[%d:%d] %s", at.Line, at.Column, what)
	}
	return p
}
