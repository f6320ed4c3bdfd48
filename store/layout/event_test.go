package layout_test

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"boxoffice/store/layout"
)

const (
	counters = "1|7|4|1|2|5|3|1|1700000000001"
	eventID  = "00000001-0000-8000-8000-000000000001"
)

// values are those of an event's fields, with some of them changed.
func values(change map[string]any) []any {
	fields := map[string]any{
		"counters": counters, "uuid": eventID, "createdAt": "1700000000000",
		"name": "a|show", "state": "paused", "total": "9", "maxPerUser": "2", "waitlistLimit": "3",
	}
	maps.Copy(fields, change)
	var all []any
	for _, name := range layout.EventFields() {
		all = append(all, fields[name])
	}
	return all
}

func TestEventIsReadFromItsFields(t *testing.T) {
	got, err := layout.ParseEvent(1, values(nil))
	want := layout.Event{
		Number: 1, UUID: uuid.MustParse(eventID), Settings: layout.Settings{
			Name: "a|show", State: layout.StatePaused, TotalTickets: 9, MaxPerUser: 2, WaitlistLimit: 3,
		},
		Confirmed: 4, Held: 1, Waiting: 2, Version: 7, CreatedAt: time.UnixMilli(1700000000000).UTC(), PromotionsDue: true,
		Deadline: 1700000000001,
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	// An event made before there was a setting does not have it.
	want.MaxPerUser, want.WaitlistLimit = 0, 0
	if got, err = layout.ParseEvent(1, values(map[string]any{"maxPerUser": nil, "waitlistLimit": nil})); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestEventsThatAreWrongAreErrors(t *testing.T) {
	for name, values := range map[string][]any{
		"a field is missing": values(map[string]any{"total": nil}),
		"too few fields":     values(nil)[1:],
		"a setting":          values(map[string]any{"total": "many"}),
		"no uuid":            values(map[string]any{"uuid": nil}),
		"counters":           values(map[string]any{"counters": "1|7"}),
		"time":               values(map[string]any{"createdAt": "now"}),
		"state":              values(map[string]any{"state": "ajar"}),
		"no counters":        values(map[string]any{"counters": nil}),
		"no format":          values(map[string]any{"counters": "x"}),
		"an empty format":    values(map[string]any{"counters": "|7|4|1|2|5|3|1|0"}),
	} {
		if _, err := layout.ParseEvent(1, values); errors.Is(err, layout.ErrDamaged) == (name == "too few fields") || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := layout.ParseEvent(1, make([]any, len(layout.EventFields()))); !errors.Is(err, layout.ErrEventNotFound) {
		t.Errorf("nothing: %v", err)
	}
	// The rest of it may mean anything.
	if _, err := layout.ParseEvent(1, values(map[string]any{"counters": "2|x", "uuid": nil})); !errors.Is(err, layout.ErrUnknownFormat) {
		t.Errorf("a later format: %v", err)
	}
}

// Each part that is wrong is an error of its own.
func TestEachWrongPartIsNamed(t *testing.T) {
	_, err := layout.ParseSettings(map[string]string{"state": "open", "total": "many", "maxPerUser": "-1"})
	wantErrors(t, err, `the event has no field name`, `field total is "many"`, `field maxPerUser is "-1"`)
	_, err = layout.ParseCounters("1|7|x|0|2|5|3|2|0")
	wantErrors(t, err, `field promotionsDue is "2"`, `field confirmed is "x"`)
	_, err = layout.ParseCounters("1|7")
	wantErrors(t, err, "field counters: 2 parts, not 9")
	wantErrors(t, nil)
}

// The scripts take settings as JSON, and name the fields as it does.
func TestSettingsAreNamedAsTheirFields(t *testing.T) {
	var settings layout.Settings
	var change layout.SettingsChange
	for _, all := range []reflect.Value{reflect.ValueOf(&settings).Elem(), reflect.ValueOf(&change).Elem()} {
		for _, field := range all.Fields() {
			if field.Kind() == reflect.Pointer {
				field.Set(reflect.New(field.Type().Elem()))
				field = field.Elem()
			}
			switch field.Kind() {
			case reflect.String:
				field.SetString("a")
			case reflect.Bool:
				field.SetBool(true)
			default:
				field.SetInt(1)
			}
		}
	}
	if change.Apply(layout.Settings{}) != settings {
		t.Errorf("a change of everything leads to %+v", change.Apply(layout.Settings{}))
	}
	number := int64(1)
	for _, encoded := range []string{settings.Encode(), change.Encode()} {
		var object map[string]any
		if err := json.Unmarshal([]byte(encoded), &object); err != nil {
			t.Fatal(err)
		}
		fields := layout.SettingsFields()
		slices.Sort(fields)
		if got := slices.Sorted(maps.Keys(object)); !slices.Equal(got, fields) {
			t.Errorf("%s: fields %q, want %q", encoded, got, fields)
		}
	}
	if got := (layout.SettingsChange{TotalTickets: &number}).Encode(); got != `{"total":1}` {
		t.Errorf("one setting is changed by %s", got)
	}
}

func wantErrors(t *testing.T, err error, want ...string) {
	t.Helper()
	all := layout.Each(err)
	if len(all) != len(want) {
		t.Fatalf("got %q, want %q", all, want)
	}
	for i, one := range all {
		if one.Error() != want[i] {
			t.Errorf("got %q, want %q", one, want[i])
		}
	}
}

func TestCountersAreRead(t *testing.T) {
	got, err := layout.ParseCounters(counters)
	want := layout.Counters{
		Version: 7, Confirmed: 4, Held: 1, Waiting: 2, LastJoined: 5, LastServed: 3, PromotionsDue: true, Deadline: 1700000000001,
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestEventRefs(t *testing.T) {
	id := layout.NewID(5, layout.RandomShortID())
	if ref := layout.EventUUID(id); ref.Number() != 5 || !ref.Matches(id) || ref.Matches(uuid.Nil) || ref.UUID() != id.String() {
		t.Errorf("by its id: %+v", ref)
	}
	if ref := layout.EventNumber(5); ref.Number() != 5 || !ref.Matches(id) || ref.UUID() != "" {
		t.Errorf("by its number: %+v", ref)
	}
	for _, ref := range []layout.EventRef{{}, layout.EventNumber(layout.MaxNumber + 1), layout.EventUUID(uuid.New())} {
		if ref.Number() != 0 {
			t.Errorf("%+v is taken for an event", ref)
		}
	}
}
