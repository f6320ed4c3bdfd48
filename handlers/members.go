package handlers

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"
)

// members are those of a JSON object, by their exact names: encoding/json would take
// USERID for userId. Their values are checked one by one later, so that the answer can
// list everything that is wrong.
type members []member

type member struct {
	name  string
	value gjson.Result
}

// get returns the member with the name, or a missing value.
func (m members) get(name string) gjson.Result {
	for _, one := range m {
		if one.name == name {
			return one.value
		}
	}
	return gjson.Result{}
}

// form is what the body of a request may have. A member that some form has, and that of the
// request has not, is refused: what is asked for is done or refused, and never silently ignored.
// Members that no form has are ignored, unless the form is strict.
type form struct {
	members []string
	strict  bool
}

// known has the members of all forms.
var known = map[string]bool{}

func newForm(names ...string) form {
	for _, name := range names {
		known[name] = true
	}
	return form{members: names}
}

// synonyms are what clients of other services call some members: to ignore those would sell one
// ticket instead of three.
var synonyms = map[string]string{
	"qty": "quantity", "count": "quantity", "amount": "quantity", "ticket": "quantity", "numberofticket": "quantity",
	"capacity": "totalTickets", "total": "totalTickets", "seat": "totalTickets",
}

// plain is a name without what people get wrong: case, separators, a plural.
func plain(name string) string {
	name = strings.Map(func(char rune) rune {
		if unicode.IsLetter(char) || unicode.IsDigit(char) {
			return unicode.ToLower(char)
		}
		return -1
	}, name)
	if one, plural := strings.CutSuffix(name, "ies"); plural {
		return one + "y"
	}
	return strings.TrimSuffix(name, "s")
}

// maxMemberProblems bounds how many members an answer names as wrong.
const maxMemberProblems = 10

// check returns what is wrong with the names of a body's members.
func (f form) check(body members) error {
	var wrong []error
	seen := map[string]bool{}
	for i, one := range body {
		var err error
		if f.repeated(body[:i], one.name, seen) {
			err = badInput("%s is given twice", one.name)
		} else if !slices.Contains(f.members, one.name) {
			err = f.refusal(one.name)
		}
		if wrong = appendError(wrong, err); len(wrong) == maxMemberProblems {
			break
		}
	}
	return joinProblems(wrong...)
}

func appendError(errs []error, err error) []error {
	if err == nil {
		return errs
	}
	return append(errs, err)
}

// repeated reports whether a name has come before. Few members are compared with each other; of
// many, those that came before are kept in seen.
func (f form) repeated(before members, name string, seen map[string]bool) bool {
	const few = 16
	if len(before) < few {
		return slices.ContainsFunc(before, func(one member) bool { return one.name == name })
	}
	if len(seen) == 0 {
		for _, one := range before {
			seen[one.name] = true
		}
	}
	repeated := seen[name]
	seen[name] = true
	return repeated
}

// refusal returns why a member that the form does not have is refused, or nil if it is ignored.
func (f form) refusal(name string) error {
	meant := synonyms[plain(name)]
	if !slices.Contains(f.members, meant) {
		meant = ""
	}
	for _, one := range slices.Concat(f.members, slices.Sorted(maps.Keys(known))) {
		if meant == "" && plain(one) == plain(name) {
			meant = one
		}
	}
	switch {
	case slices.Contains(f.members, meant):
		return badInput("%s is no member of this request; did you mean %s?", shown(name), meant)
	case meant != "" || f.strict:
		return badInput("%s is no member of this request", shown(name))
	}
	return nil
}

// shown is a name that a client made up, as an answer shows it.
func shown(name string) string {
	const most = 40 // bytes
	if len(name) > most {
		name = name[:most] + "…"
	}
	return strings.ToValidUTF8(name, "�")
}
