package handlers_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// parse reads JSON, with all digits of its numbers.
func parse(t testing.TB, text string) any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil || decoder.More() {
		t.Fatalf("not one JSON value: %q (%v)", text, err)
	}
	return value
}

var placeholders = map[string]*regexp.Regexp{
	"<uuid>":    regexp.MustCompile(`^"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"$`),
	"<time>":    regexp.MustCompile(`^"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ"$`),
	"<text>":    regexp.MustCompile(`^".+"$`),
	"<integer>": regexp.MustCompile(`^[1-9]\d*$`),
}

// differences tells where a JSON value is not as wanted. An object may have more
// members than wanted, for fields may be added to an answer; a member "<absent>"
// must not be there, and the placeholders above stand for a form.
func differences(want, got any, path string) []string {
	if pattern, ok := want.(string); ok && placeholders[pattern] != nil {
		if text, err := json.Marshal(got); err != nil || !placeholders[pattern].Match(text) {
			return []string{fmt.Sprintf("%s is %v, not a %s", path, got, pattern)}
		}
		return nil
	}
	var found []string
	switch want := want.(type) {
	case map[string]any:
		members, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %v, not an object", path, got)}
		}
		for name, value := range want {
			member, there := members[name]
			switch {
			case value == "<absent>" && there:
				found = append(found, path+"."+name+" is there")
			case value != "<absent>" && !there:
				found = append(found, path+"."+name+" is missing")
			case there:
				found = append(found, differences(value, member, path+"."+name)...)
			}
		}
		slices.Sort(found)
	case []any:
		items, ok := got.([]any)
		if !ok || len(items) != len(want) {
			return []string{fmt.Sprintf("%s is %v, want %v", path, got, want)}
		}
		for i := range want {
			found = append(found, differences(want[i], items[i], fmt.Sprintf("%s[%d]", path, i))...)
		}
	default:
		if want != got {
			found = append(found, fmt.Sprintf("%s is %#v, want %#v", path, got, want))
		}
	}
	return found
}

// All other tests rely on this one being able to see a difference.
func TestDifferences(t *testing.T) {
	for _, test := range []struct{ want, got, found string }{
		{`{"a":1}`, `{"a":1,"b":2}`, ""},
		{`{"a":1}`, `{"a":"1"}`, "body.a is"},
		{`{"a":1}`, `{}`, "body.a is missing"},
		{`{"a":null}`, `{}`, "body.a is missing"},
		{`{"a":"<absent>"}`, `{"a":null}`, "body.a is there"},
		{`{"a":"<absent>"}`, `{}`, ""},
		{`{"a":12345678901234567890}`, `{"a":12345678901234567891}`, "body.a is"},
		{`[]`, `null`, "body is"},
		{`[1]`, `[1,2]`, "body is"},
		{`[{"a":1}]`, `[{"a":2}]`, "body[0].a is"},
		{`"<uuid>"`, `"00000000-0001-8abc-9abc-0123456789ab"`, ""},
		{`"<uuid>"`, `"00000000-0001-4abc-9abc-0123456789ab"`, "body is"},
		{`"<integer>"`, `1.5`, "body is"},
		{`"<text>"`, `""`, "body is"},
	} {
		found := strings.Join(differences(parse(t, test.want), parse(t, test.got), "body"), "; ")
		if (found == "") != (test.found == "") || !strings.HasPrefix(found, test.found) {
			t.Errorf("want %s, got %s: found %q", test.want, test.got, found)
		}
	}
}
