// Command page makes the page that the service shows at /docs of its contract:
//
//	page openapi.yaml page.html
//
// The page is one document without scripts that refers to nothing else.
package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"os"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: page openapi.yaml page.html")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "page:", err)
		os.Exit(1)
	}
}

func write(from, to string) error {
	contract, err := os.ReadFile(from) //nolint:gosec // named by whoever runs it
	if err != nil {
		return err
	}
	page, err := render(contract)
	if err != nil {
		return err
	}
	return os.WriteFile(to, page, 0o644) //nolint:gosec // for all to read, as the rest of the source
}

//go:embed page.tmpl
var text string

// render makes the page of a contract.
func render(contract []byte) ([]byte, error) {
	c, err := read(contract)
	if err != nil {
		return nil, err
	}
	parsed, err := template.New("page").Funcs(template.FuncMap{
		"markdown": markdown, "inline": inline, "slug": slug, "lower": strings.ToLower, "class": class,
	}).Parse(text)
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	err = parsed.Execute(&page, c)
	return page.Bytes(), err
}

// markdown renders a description, which is CommonMark and our own.
func markdown(text string) (template.HTML, error) {
	var html bytes.Buffer
	if err := goldmark.Convert([]byte(text), &html); err != nil {
		return "", err
	}
	const heading = "<h2>"
	var out strings.Builder
	parts := strings.Split(html.String(), heading)
	out.WriteString(parts[0])
	for _, part := range parts[1:] { // what the navigation leads to
		title, _, _ := strings.Cut(part, "<")
		out.WriteString(`<h2 id="` + slug(title) + `">` + part)
	}
	return template.HTML(out.String()), nil //nolint:gosec // goldmark escapes; the text is ours
}

// inline renders a description of one paragraph without the paragraph.
func inline(text string) (template.HTML, error) {
	html, err := markdown(text)
	return template.HTML(strings.TrimSuffix(strings.TrimPrefix(string(html), "<p>"), "</p>\n")), err //nolint:gosec // as above
}

var unsafe = regexp.MustCompile(`[^a-z0-9]+`)

func slug(text string) string {
	return strings.Trim(unsafe.ReplaceAllString(strings.ToLower(text), "-"), "-")
}

// class is the first digit of a status, which the style sheet colours.
func class(status string) string { return "s" + status[:1] }
