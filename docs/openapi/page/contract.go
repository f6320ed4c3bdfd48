package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	yaml "github.com/oasdiff/yaml3"
)

// contract is an OpenAPI document as the page shows it, in the order of the file.
type contract struct {
	Title, Summary, Description string
	Headings                    []string // of the description
	Security                    string
	Groups                      []*group
	Codes                       []*code
}

type group struct {
	Name, Description string
	Operations        []*operation
}

type operation struct {
	ID, Method, Path, Summary, Description string
	Scopes                                 []string
	Parameters                             []parameter
	Fields                                 []field // of the request's body
	Requests                               []example
	Answers, Errors                        []*response
}

type parameter struct {
	In string
	field
}

type field struct {
	Name, Type, Description string
	Required                bool
}

type example struct{ Name, Text string }

type response struct {
	Status, Description, MediaType string
	Headers                        []string
	Fields                         []field
	Examples                       []example
}

// code is a problem's code, with what it is sent by.
type code struct {
	Name, Status, Title, Message string
	Operations                   []*operation
}

// document gives access to a YAML document by keys.
type document struct{ root *yaml.Node }

func read(text []byte) (*contract, error) {
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	if len(file.Content) != 1 {
		return nil, errors.New("an empty document")
	}
	d := document{file.Content[0]}
	c := &contract{
		Title: d.text(d.root, "info", "title"), Summary: d.text(d.root, "info", "summary"),
		Description: d.text(d.root, "info", "description"),
		Security:    d.text(d.root, "components", "securitySchemes", "apiKey", "description"),
	}
	for line := range strings.Lines(c.Description) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			c.Headings = append(c.Headings, strings.TrimSpace(heading))
		}
	}
	for _, tag := range d.at(d.root, "tags").Content {
		c.Groups = append(c.Groups, &group{Name: d.text(tag, "name"), Description: d.text(tag, "description")})
	}
	for path, methods := range d.members(d.at(d.root, "paths")) {
		for method, node := range d.members(methods) {
			o := d.operation(path, method, node)
			tag := d.at(node, "tags").Content[0].Value
			i := slices.IndexFunc(c.Groups, func(g *group) bool { return g.Name == tag })
			if i < 0 {
				return nil, fmt.Errorf("%s: no tag %q", o.ID, tag)
			}
			c.Groups[i].Operations = append(c.Groups[i].Operations, o)
		}
	}
	d.codes(c)
	return c, nil
}

func (d document) operation(path, method string, node *yaml.Node) *operation {
	o := &operation{
		ID: d.text(node, "operationId"), Method: strings.ToUpper(method), Path: path,
		Summary: d.text(node, "summary"), Description: d.text(node, "description"), Scopes: d.scopes(node),
	}
	for _, item := range d.at(node, "parameters").Content {
		item = d.resolve(item)
		f := d.field(d.text(item, "name"), d.at(item, "schema"))
		f.Required, f.Description = d.text(item, "required") == "true", d.text(item, "description")
		o.Parameters = append(o.Parameters, parameter{d.text(item, "in"), f})
	}
	body := d.at(node, "requestBody", "content", "application/json")
	o.Fields = d.fields(d.at(body, "schema"))
	for name, value := range d.members(d.at(body, "examples")) {
		o.Requests = append(o.Requests, example{name, d.request(o, d.at(value, "value"))})
	}
	for status, node := range d.members(d.at(node, "responses")) {
		r := d.response(status, node)
		if status < "400" {
			o.Answers = append(o.Answers, r)
		} else {
			o.Errors = append(o.Errors, r)
		}
	}
	return o
}

// request is an example as it goes over the wire.
func (d document) request(o *operation, body *yaml.Node) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s\nContent-Type: application/json\n", o.Method, o.Path)
	for _, p := range o.Parameters {
		if p.In == "header" {
			fmt.Fprintf(&text, "%s: %s\n", p.Name, d.text(d.root, "components", "parameters", "IdempotencyKey", "example"))
		}
	}
	return text.String() + "\n" + toJSON(body)
}

// scopes tells which API keys open an operation: any that has one of these.
func (d document) scopes(node *yaml.Node) []string {
	var scopes []string
	for _, alternative := range d.at(node, "security").Content {
		for _, scope := range d.at(alternative, "apiKey").Content {
			scopes = append(scopes, scope.Value)
		}
	}
	return scopes
}

func (d document) response(status string, node *yaml.Node) *response {
	r := &response{Status: status, Description: d.text(node, "description")}
	for name := range d.members(d.at(node, "headers")) {
		r.Headers = append(r.Headers, name)
	}
	for mediaType, media := range d.members(d.at(node, "content")) {
		r.MediaType, r.Fields = mediaType, d.fields(d.at(media, "schema"))
		for name, value := range d.members(d.at(media, "examples")) {
			r.Examples = append(r.Examples, example{name, toJSON(d.at(value, "value"))})
		}
	}
	return r
}

// codes lists every code of the event API's problems, and where it comes from.
func (d document) codes(c *contract) {
	byName := map[string]*code{}
	for _, node := range d.at(d.root, "components", "schemas", "Code", "enum").Content {
		entry := &code{Name: node.Value}
		byName[entry.Name] = entry
		c.Codes = append(c.Codes, entry)
	}
	for _, node := range d.members(d.at(d.root, "components", "responses")) {
		for name, value := range d.members(d.at(node, "content", "application/problem+json", "examples")) {
			value = d.at(value, "value")
			if entry := byName[name]; entry != nil && entry.Status == "" {
				entry.Status, entry.Title, entry.Message = d.text(value, "status"), d.text(value, "title"), d.text(value, "detail")
			}
		}
	}
	for _, g := range c.Groups {
		for _, o := range g.Operations {
			for _, r := range o.Errors {
				for _, e := range r.Examples {
					byName[e.Name].Operations = append(byName[e.Name].Operations, o)
				}
			}
		}
	}
}
