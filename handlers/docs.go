package handlers

import (
	"net/http"
	"strconv"

	"boxoffice/docs"
)

const (
	openAPIPath = "/openapi.yaml"
	docsPath    = "/docs"
)

// openAPI serves the contract; its media type is that of RFC 9512.
func openAPI(w http.ResponseWriter, _ *http.Request) {
	writeDocument(w, "application/yaml", docs.OpenAPI)
}

// docsPage serves the page that shows the contract.
func docsPage() http.HandlerFunc {
	policy := docs.PagePolicy()
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		writeDocument(w, "text/html; charset=utf-8", docs.Page)
	}
}

// writeDocument answers with what only a new version of the service changes.
func writeDocument(w http.ResponseWriter, contentType string, text []byte) {
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write(text) // the client is gone if this fails
}
