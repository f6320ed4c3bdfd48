package handlers_test

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"boxoffice/docs"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	c := start(t)
	for path, want := range map[string][]byte{"/openapi.yaml": docs.OpenAPI, "/docs": docs.Page} {
		a := c.get(path)
		if a.status != 200 || a.body != string(want) || len(want) < 10_000 {
			t.Errorf("%s answered %d with %d bytes, want %d", path, a.status, len(a.body), len(want))
		}
		for name, value := range secured {
			if name != "Content-Security-Policy" || path != "/docs" { // the page has its own
				a.hasHeader(name, value)
			}
		}
	}
}

// The page may use its style sheet, known by its hash, and nothing else.
func TestDocsPolicy(t *testing.T) {
	t.Parallel()
	a := start(t).get("/docs")
	style := strings.Split(strings.Split(a.body, "</style>")[0], "<style>")
	if len(style) != 2 {
		t.Fatal("no style sheet")
	}
	hash := sha256.Sum256([]byte(style[1]))
	a.hasHeader("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+
		base64.StdEncoding.EncodeToString(hash[:])+"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
}
