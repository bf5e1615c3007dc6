package web

import (
	"bytes"
	"html/template"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// The levels of the headings of a body: a page has two of its own above.
const (
	topHeading  = 3
	lastHeading = 6
)

var converter = goldmark.New(
	// Alignment as an attribute: the policy forbids inline styles.
	goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))),
	goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(outline{}, 0))),
	// Lines of a prompt are often a list without saying so.
	goldmark.WithRendererOptions(html.WithHardWraps(), renderer.WithNodeRenderers(util.Prioritized(literal{}, 0))),
)

// markdown returns the body of an agent or command as HTML. Links that run a
// script are dropped by goldmark; HTML is shown as it is written.
func markdown(body string) template.HTML {
	var out bytes.Buffer
	// It fails only when the writer does, and a buffer does not.
	_ = converter.Convert([]byte(body), &out)
	return template.HTML(out.String()) //nolint:gosec // no HTML of the body is in it
}

// outline moves headings below those of the page, without gaps.
type outline struct{}

// Transform implements [parser.ASTTransformer].
func (outline) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	var above []int // the written levels of the headings around
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		heading, ok := n.(*ast.Heading)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		for len(above) > 0 && above[len(above)-1] >= heading.Level {
			above = above[:len(above)-1]
		}
		above = append(above, heading.Level)
		heading.Level = min(topHeading+len(above)-1, lastHeading)
		return ast.WalkSkipChildren, nil
	})
}

// literal shows HTML as text, for placeholders like <name>, and makes code
// reachable by keyboard, since it may scroll.
type literal struct{}

// RegisterFuncs implements [renderer.NodeRenderer].
func (literal) RegisterFuncs(register renderer.NodeRendererFuncRegisterer) {
	register.Register(ast.KindRawHTML, inline)
	for _, kind := range []ast.NodeKind{ast.KindHTMLBlock, ast.KindCodeBlock, ast.KindFencedCodeBlock} {
		register.Register(kind, block)
	}
}

func inline(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.Write(util.EscapeHTML(n.(*ast.RawHTML).Segments.Value(source)))
	}
	return ast.WalkSkipChildren, nil
}

func block(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	_, _ = w.WriteString(`<pre tabindex="0"><code>`)
	_, _ = w.Write(util.EscapeHTML(n.Lines().Value(source)))
	if tag, ok := n.(*ast.HTMLBlock); ok && tag.HasClosure() {
		_, _ = w.Write(util.EscapeHTML(tag.ClosureLine.Value(source)))
	}
	_, _ = w.WriteString("</code></pre>\n")
	return ast.WalkSkipChildren, nil
}
