// Package docs holds the documents that the service itself shows.
package docs

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
)

//go:generate go run -C openapi ./page ../openapi.yaml ../page.html

// OpenAPI is the contract, as OpenAPI 3.1 in YAML.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Page shows the contract: one HTML document that loads nothing, made from it by
// go generate, so that the service needs no parser of YAML.
//
//go:embed page.html
var Page []byte

// PagePolicy is the Content-Security-Policy that lets Page have its one style sheet and
// nothing else (https://www.w3.org/TR/CSP3/).
func PagePolicy() string {
	_, rest, _ := bytes.Cut(Page, []byte("<style>"))
	style, _, _ := bytes.Cut(rest, []byte("</style>"))
	hash := sha256.Sum256(style)
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
