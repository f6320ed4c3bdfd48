package main

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func files(t *testing.T) (contract, page []byte) {
	t.Helper()
	contract, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if page, err = os.ReadFile("../../page.html"); err != nil {
		t.Fatal(err)
	}
	return contract, page
}

// The page that is served is the one of the contract as it stands.
func TestPageIsCurrent(t *testing.T) {
	t.Parallel()
	contract, page := files(t)
	want, err := render(contract)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(page, want) {
		t.Error("docs/page.html is not what docs/openapi.yaml makes; run: go generate ./docs")
	}
}

// The page loads nothing, from elsewhere or from here, and runs nothing: so it works
// without the internet, and its policy can forbid everything but its one style sheet.
func TestPageLoadsNothing(t *testing.T) {
	t.Parallel()
	_, page := files(t)
	if found := loads(string(page)); len(found) > 0 {
		t.Errorf("the page has %q", found)
	}
	for _, bad := range []string{
		`<script>x</script>`, `<img alt="" src="/x">`, `<link rel="stylesheet" href="/x">`, `<a href="https://example.com/">`,
		`<a href="//example.com/">`, `<p onclick="x">`, `<p style="x">`, `<style>@import "x"</style>`, `<style>p { background: url(x) }</style>`,
		`<iframe>`, `<svg>`, `<form>`, `<style></style>`,
	} {
		html := bad
		if !strings.Contains(bad, "url(") && !strings.Contains(bad, "@import") {
			html = `<style></style>` + bad
		}
		if len(loads(html)) == 0 {
			t.Errorf("%s would not be found", bad)
		}
	}
}

var (
	tag       = regexp.MustCompile(`<([a-z][a-z0-9]*)([^>]*)>`)
	attribute = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
)

// harmless are the elements and attributes that load and run nothing whatever they hold.
var harmless = strings.Fields(`html head meta title style body nav div a strong span main h1 h2 h3 h4 p ul li em code pre article
	table thead tbody tr th td details summary`)

var harmlessAttributes = strings.Fields(`lang charset name content id class aria-label`)

// loads returns what of an HTML document may load or run something.
func loads(html string) []string {
	var found []string
	_, rest, _ := strings.Cut(html, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	for _, word := range []string{"url(", "@import", "src("} {
		if strings.Contains(style, word) {
			found = append(found, word)
		}
	}
	if strings.Count(html, "<style>") != 1 {
		found = append(found, "not one <style>")
	}
	for _, match := range tag.FindAllStringSubmatch(html, -1) {
		if !slices.Contains(harmless, match[1]) {
			found = append(found, match[0])
		}
		for _, pair := range attribute.FindAllStringSubmatch(match[2], -1) {
			here := strings.HasPrefix(pair[2], "#") || pair[2] == "/openapi.yaml"
			if !slices.Contains(harmlessAttributes, pair[1]) && (pair[1] != "href" || !here) {
				found = append(found, match[0])
			}
		}
	}
	return found
}
