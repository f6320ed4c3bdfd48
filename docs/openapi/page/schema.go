package main

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	yaml "github.com/oasdiff/yaml3"
)

// nothing is what is not in the document.
var nothing = &yaml.Node{}

// resolve follows a $ref.
func (d document) resolve(node *yaml.Node) *yaml.Node {
	for i := 0; i+1 < len(node.Content) && node.Kind == yaml.MappingNode; i += 2 {
		if node.Content[i].Value == "$ref" {
			return d.at(d.root, strings.Split(strings.TrimPrefix(node.Content[i+1].Value, "#/"), "/")...)
		}
	}
	return node
}

// at returns what the keys lead to.
func (d document) at(node *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		next := nothing
		for name, value := range d.members(node) {
			if name == key {
				next = value
			}
		}
		node = next
	}
	return node
}

func (d document) text(node *yaml.Node, keys ...string) string { return d.at(node, keys...).Value }

// members are the keys and values of a mapping, in its order.
func (d document) members(node *yaml.Node) iter.Seq2[string, *yaml.Node] {
	node = d.resolve(node)
	return func(yield func(string, *yaml.Node) bool) {
		if node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i].Value, d.resolve(node.Content[i+1])) {
				return
			}
		}
	}
}

// fields are the members of an object, those of objects within it among them.
func (d document) fields(schema *yaml.Node) []field {
	required := map[string]bool{}
	for _, name := range d.at(schema, "required").Content {
		required[name.Value] = true
	}
	var all []field
	for name, node := range d.members(d.at(schema, "properties")) {
		f := d.field(name, node)
		f.Required = required[name]
		all = append(all, f)
		prefix := name + "."
		if items := d.at(node, "items"); d.text(node, "type") == "array" && items != nothing {
			node, prefix = items, name+"[]."
		}
		for _, inner := range d.alternatives(node) {
			inner.Name = prefix + inner.Name
			all = append(all, inner)
		}
	}
	return all
}

// alternatives are the members of an object, or of all that it may be, each once.
func (d document) alternatives(schema *yaml.Node) []field {
	all := d.fields(schema)
	for _, one := range d.at(schema, "anyOf").Content {
		for _, f := range d.fields(one) {
			if !slices.ContainsFunc(all, func(known field) bool { return known.Name == f.Name }) {
				f.Required = false
				all = append(all, f)
			}
		}
	}
	return all
}

func (d document) field(name string, schema *yaml.Node) field {
	return field{Name: name, Type: d.typeOf(schema), Description: d.text(schema, "description")}
}

// typeOf puts a schema into words.
func (d document) typeOf(schema *yaml.Node) string {
	var types []string
	if node := d.at(schema, "type"); node.Kind == yaml.SequenceNode {
		for _, item := range node.Content {
			types = append(types, item.Value)
		}
	} else if node.Value != "" {
		types = []string{node.Value}
	}
	words := []string{strings.Join(types, " or ")}
	if node := d.at(schema, "const"); node != nothing {
		words = []string{strconv.Quote(node.Value)}
	}
	if node := d.at(schema, "enum"); node != nothing {
		var values []string
		for _, item := range node.Content {
			values = append(values, strconv.Quote(item.Value))
		}
		words = []string{strings.Join(values, ", ")}
		if len(values) > 5 {
			words = []string{"string, see the codes"}
		}
	}
	for _, bound := range []struct{ least, most, unit string }{{"minimum", "maximum", ""}, {"minLength", "maxLength", " characters"}} {
		least, most := d.text(schema, bound.least), d.text(schema, bound.most)
		switch {
		case least != "" && most != "":
			words = append(words, fmt.Sprintf("%s to %s%s", least, most, bound.unit))
		case least != "":
			words = append(words, "from "+least)
		}
	}
	if node := d.at(schema, "default"); node != nothing {
		words = append(words, "default "+node.Value)
	}
	return strings.Join(words, ", ")
}

// toJSON writes an example with its members in the order of the file.
func toJSON(node *yaml.Node) string {
	var text strings.Builder
	writeJSON(&text, node, "")
	return text.String()
}

func writeJSON(text *strings.Builder, node *yaml.Node, indent string) {
	inner := indent + "  "
	switch {
	case len(node.Content) == 0 && node.Kind == yaml.SequenceNode:
		text.WriteString("[]")
	case node.Kind == yaml.MappingNode:
		text.WriteString("{")
		for i := 0; i+1 < len(node.Content); i += 2 {
			if i > 0 {
				text.WriteString(",")
			}
			text.WriteString("\n" + inner + strconv.Quote(node.Content[i].Value) + ": ")
			writeJSON(text, node.Content[i+1], inner)
		}
		text.WriteString("\n" + indent + "}")
	case node.Kind == yaml.SequenceNode:
		text.WriteString("[")
		for i, item := range node.Content {
			if i > 0 {
				text.WriteString(",")
			}
			text.WriteString("\n" + inner)
			writeJSON(text, item, inner)
		}
		text.WriteString("\n" + indent + "]")
	case node.ShortTag() == "!!str":
		text.WriteString(strconv.Quote(node.Value))
	default:
		text.WriteString(node.Value)
	}
}
