package layout_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"boxoffice/store/layout"
)

const (
	settings = "1|paused|9|2|3|00000001-0000-8000-8000-000000000001"
	counters = "7|4|2|5|3|1|gACAAAAAAAAAAA"
)

func TestEventIsReadFromItsFields(t *testing.T) {
	got, err := layout.ParseEvent(1, []any{settings, counters, "a|show", "1700000000000"})
	want := layout.Event{
		Number: 1, UUID: uuid.MustParse("00000001-0000-8000-8000-000000000001"), Name: "a|show", State: layout.StatePaused,
		TotalTickets: 9, Confirmed: 4, Waiting: 2, MaxPerUser: 2, WaitlistLimit: 3, Version: 7,
		CreatedAt: time.UnixMilli(1700000000000).UTC(),
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestEventsThatAreWrongAreErrors(t *testing.T) {
	for name, values := range map[string][]any{
		"a field is missing": {settings, counters, nil, "1"},
		"too few fields":     {settings, counters},
		"settings":           {"1|open", counters, "a", "1"},
		"counters":           {settings, "7|4", "a", "1"},
		"time":               {settings, counters, "a", "now"},
	} {
		if _, err := layout.ParseEvent(1, values); err == nil || errors.Is(err, layout.ErrEventNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := layout.ParseEvent(1, []any{nil, nil, nil, nil}); !errors.Is(err, layout.ErrEventNotFound) {
		t.Errorf("nothing: %v", err)
	}
	// The rest of it may mean anything.
	if _, err := layout.ParseEvent(1, []any{"2|x", "x", nil, nil}); !errors.Is(err, layout.ErrUnknownFormat) {
		t.Errorf("a later format: %v", err)
	}
}

// Each part that is wrong is an error of its own.
func TestEachWrongPartIsNamed(t *testing.T) {
	_, err := layout.ParseSettings("1|open|many|-1|0|nobody")
	wantErrors(t, err, `field total is "many"`, `field maxPerUser is "-1"`, `field uuid is "nobody"`)
	_, err = layout.ParseCounters("7|x|2|5|3|2|")
	wantErrors(t, err, `field promotionsDue is "2"`, `field confirmed is "x"`)
	_, err = layout.ParseCounters("7")
	wantErrors(t, err, "field counters: 1 parts, not 7")
	wantErrors(t, nil)
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
		Version: 7, Confirmed: 4, Waiting: 2, LastJoined: 5, LastServed: 3, PromotionsDue: true,
		Latest: layout.ParseShortID("gACAAAAAAAAAAA"),
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
