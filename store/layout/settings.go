package layout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// settingsParts names the parts of an event's settings, in order, as event.lua writes them.
var settingsParts = []string{"format", "state", "total", "maxPerUser", "waitlistLimit", "uuid"}

// SettingsParts names the parts of an event's settings, in order.
func SettingsParts() []string { return slices.Clone(settingsParts) }

// knownFormat is the format of an event that this package and the scripts know. It
// decides whether all else means what it does here.
const knownFormat = "1"

// Settings are what an organizer decides about an event, and which event it is.
type Settings struct {
	State         State // may be an unknown one
	TotalTickets  int64
	MaxPerUser    int64 // tickets, 0 = no limit
	WaitlistLimit int64 // bookings, 0 = no limit
	UUID          uuid.UUID
}

// ParseSettings reads the field SettingsField. Of what is wrong with it, Each gives the
// parts one by one. Errors: ErrUnknownFormat.
func ParseSettings(text string) (Settings, error) {
	if format, _, _ := strings.Cut(text, "|"); format != knownFormat {
		return Settings{}, fmt.Errorf("%w: %q", ErrUnknownFormat, format)
	}
	p, err := splitParts(settingsParts, text)
	if err != nil {
		return Settings{}, fmt.Errorf("field %s: %w", SettingsField, err)
	}
	settings := Settings{
		State:         State(p.values["state"]),
		TotalTickets:  p.number("total"),
		MaxPerUser:    p.number("maxPerUser"),
		WaitlistLimit: p.number("waitlistLimit"),
	}
	if settings.UUID, err = uuid.Parse(p.values["uuid"]); err != nil {
		p.errs = append(p.errs, wrongField("uuid", p.values["uuid"]))
	}
	return settings, p.err()
}
