package layout

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// parts reads a text whose parts stand between |, by their names. The last part may hold a
// |. What is wrong is gathered in errs; a part that is wrong is zero.
type parts struct {
	values map[string]string
	errs   []error
}

func splitParts(names []string, text string) (*parts, error) {
	values := strings.SplitN(text, "|", len(names))
	if len(values) != len(names) {
		return nil, fmt.Errorf("%d parts, not %d", len(values), len(names)) // not what they are: this goes into the log
	}
	p := &parts{values: make(map[string]string, len(names))}
	for i, name := range names {
		p.values[name] = values[i]
	}
	return p, nil
}

// number reads a whole number that is not negative.
func (p *parts) number(name string) int64 {
	if _, ok := p.values[name]; !ok {
		p.errs = append(p.errs, fmt.Errorf("the event has no field %s", name))
		return 0
	}
	value, err := parseNumber(name, p.values[name])
	if err != nil {
		p.errs = append(p.errs, err)
	}
	return value
}

// text reads a text that is there.
func (p *parts) text(name string) string {
	value, ok := p.values[name]
	if !ok {
		p.errs = append(p.errs, fmt.Errorf("the event has no field %s", name))
	}
	return value
}

// optional is number, of a part that may be missing.
func (p *parts) optional(name string) int64 {
	if _, ok := p.values[name]; !ok {
		return 0
	}
	return p.number(name)
}

func parseNumber(name, text string) (int64, error) {
	value, ok := wholeNumber(text)
	if !ok {
		return 0, wrongField(name, text)
	}
	return value, nil
}

func wrongField(name, text string) error { return fmt.Errorf("field %s is %q", name, text) }

// err joins all that is wrong, see Each.
func (p *parts) err() error { return errors.Join(p.errs...) }

// Each returns the errors that an error of ParseSettings or ParseCounters joins, one for
// each part that is wrong, or the error itself; none if it is nil.
func Each(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// SetPart returns a text, whose parts have these names, with one of them replaced by what
// change makes of it. It is for tests that corrupt an event. ok is false if there is no such
// part.
func SetPart(names []string, text, name string, change func(old string) string) (changed string, ok bool) {
	values := strings.SplitN(text, "|", len(names))
	at := slices.Index(names, name)
	if at < 0 || at >= len(values) {
		return text, false
	}
	values[at] = change(values[at])
	return strings.Join(values, "|"), true
}
