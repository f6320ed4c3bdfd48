module boxoffice/docs/openapi

go 1.26.8

require (
	github.com/oasdiff/yaml3 v0.0.14
	github.com/yuin/goldmark v1.8.7
)
