package web

import (
	"bytes"
	"fmt"
	"html/template"
	"strings"
	"sync"
	"unicode"

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

// minSections is how many sections make a body long: it gets contents then,
// and its sections fold.
const minSections = 3

// converter is made for the first page: the server must answer soon after its
// start.
var converter = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(
		// Alignment as an attribute: the policy forbids inline styles.
		goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))),
		goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(outline{}, 0))),
		// Lines of a prompt are often a list without saying so.
		goldmark.WithRendererOptions(html.WithHardWraps(), renderer.WithNodeRenderers(util.Prioritized(literal{}, 0))),
	)
})

// document is the body of an agent or command as HTML. What is not long has no
// sections.
type document struct {
	Intro    template.HTML
	Sections []section
}

// section is a heading and what stands below it.
type section struct {
	ID, Title     string
	Heading, Body template.HTML
}

// markdown returns a body as HTML. Links that run a script are dropped by
// goldmark; HTML is shown as it is written.
func markdown(body string) document {
	source := []byte(body)
	root := converter().Parser().Parse(text.NewReader(source))
	render := func(n ast.Node) template.HTML {
		var out bytes.Buffer
		// It fails only when the writer does, and a buffer does not.
		_ = converter().Renderer().Render(&out, source, n)
		return template.HTML(out.String()) //nolint:gosec // no HTML of the body is in it
	}
	level := sectionLevel(root)
	if level == 0 {
		return document{Intro: render(root)}
	}
	var d document
	into := &d.Intro
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok && h.Level == level {
			id, _ := h.AttributeString("id")
			d.Sections = append(d.Sections, section{ID: string(id.([]byte)), Title: plain(h, source), Heading: render(h)})
			into = &d.Sections[len(d.Sections)-1].Body
			continue
		}
		*into += render(n)
	}
	return d
}

// sectionLevel is the highest level that several headings of a body have, or 0
// when they are too few.
func sectionLevel(root ast.Node) int {
	var count [lastHeading + 1]int
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			count[h.Level]++
		}
	}
	for level, n := range count {
		switch {
		case n >= minSections:
			return level
		case n > 1:
			return 0
		}
	}
	return 0
}

// plain is the text of a heading, without its markup.
func plain(n ast.Node, source []byte) string {
	var out strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				out.Write(util.UnescapePunctuations(n.Value(source)))
			}
		case *ast.RawHTML:
			if entering {
				out.Write(n.Segments.Value(source))
			}
		}
		return ast.WalkContinue, nil
	})
	return out.String()
}

// outline moves headings below those of the page, without gaps, and gives each
// an id that a link can name.
type outline struct{}

// Transform implements [parser.ASTTransformer].
func (outline) Transform(doc *ast.Document, reader text.Reader, _ parser.Context) {
	var above []int // the written levels of the headings around
	ids := map[string]int{}
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

		id := slug(plain(heading, reader.Source()))
		if ids[id]++; ids[id] > 1 {
			id = fmt.Sprintf("%s--%d", id, ids[id])
		}
		heading.SetAttributeString("id", []byte(id))
		return ast.WalkSkipChildren, nil
	})
}

// slug is the id of a heading: its words, behind a prefix that no id of the
// page has. It has no two hyphens in a row.
func slug(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return "s-" + strings.Join(words, "-")
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
