package handlers

import (
	"net/http"
	"slices"

	"github.com/tidwall/gjson"

	"boxoffice/store"
)

// The settings of an event that both APIs name alike, in requests and in answers. To add one
// is a row of settings, and a field of settingsView and of settingsOf.

// setting is a member of the bodies that create or change an event.
type setting struct {
	member string
	read   func(member string, value gjson.Result, change *store.SettingsChange) error
}

var settings = []setting{
	{"maxPerUser", limit(func(c *store.SettingsChange) **int64 { return &c.MaxPerUser })},
	{"maxQuantity", limit(func(c *store.SettingsChange) **int64 { return &c.MaxQuantity })},
	{"waitingListLimit", limit(func(c *store.SettingsChange) **int64 { return &c.WaitlistLimit })},
	{"state", func(member string, value gjson.Result, change *store.SettingsChange) error {
		state := store.State(value.Str)
		change.State = &state
		if !state.Known() {
			return badInput("%s must be open, paused or closed", member)
		}
		return nil
	}},
}

func settingMembers() []string {
	names := make([]string, len(settings))
	for i, one := range settings {
		names[i] = one.member
	}
	return names
}

// limit reads a number of tickets or bookings, where 0 is no limit.
func limit(field func(*store.SettingsChange) **int64) func(string, gjson.Result, *store.SettingsChange) error {
	return func(member string, value gjson.Result, change *store.SettingsChange) error {
		number, err := integerField(member, value, 0)
		*field(change) = &number
		return err
	}
}

// readSettings reads those members of a body that are settings. The error lists everything
// that is wrong.
func readSettings(body members) (change store.SettingsChange, err error) {
	var errs []error
	for _, one := range settings {
		if value := body.get(one.member); !missing(value) {
			errs = append(errs, one.read(one.member, value, &change))
		}
	}
	return change, joinProblems(errs...)
}

// initializeRequest reads what the initializations of both APIs have in common. named has the
// settings that each API names in its own way, and errs is what is wrong with those.
func initializeRequest(r *http.Request, body members, named store.Settings, errs ...error) (store.InitializeRequest, error) {
	change, settingsErr := readSettings(body)
	if change.State != nil && *change.State == store.StateClosed {
		settingsErr = joinProblems(settingsErr, badInput("a new event's state must be open or paused"))
	}
	key, keyErr := idempotencyKey(r)
	return store.InitializeRequest{Settings: change.Apply(named), IdempotencyKey: key, By: keyName(r)},
		joinProblems(slices.Concat(errs, []error{settingsErr, keyErr})...)
}

// updateForm is strict: what a change of an event does not know would be left as it is.
var updateForm = form{members: newForm(append([]string{"totalTickets", "eventName"}, settingMembers()...)...).members, strict: true}

// parseUpdate reads a change of settings.
func parseUpdate(r *http.Request) (store.UpdateRequest, error) {
	event, err := parseEventPath(r)
	if err != nil {
		return store.UpdateRequest{}, err
	}
	body, err := readBody(r)
	if err != nil {
		return store.UpdateRequest{}, err
	}
	const name, total = "eventName", "totalTickets"
	for _, member := range updateForm.members {
		if value := body.get(member); value.Exists() && missing(value) { // by RFC 7396 that removes a member, and none of these can be removed
			return store.UpdateRequest{}, badInput("%s must not be null", member)
		}
	}
	change, settingsErr := readSettings(body)
	var totalErr, nameErr error
	if value := body.get(total); value.Exists() {
		change.TotalTickets = new(int64)
		*change.TotalTickets, totalErr = integerField(total, value, 1)
	}
	if value := body.get(name); value.Exists() {
		change.Name = new(string)
		*change.Name, nameErr = nameField(name, value)
	}
	key, keyErr := idempotencyKey(r)
	versions, matchErr := ifMatch(r)
	return store.UpdateRequest{
		Event: event, SettingsChange: change, IfVersion: versions, IdempotencyKey: key, By: keyName(r),
	}, joinProblems(totalErr, nameErr, settingsErr, updateForm.check(body), keyErr, matchErr)
}

// settingsView shows settings in an answer.
type settingsView struct {
	MaxPerUser       int64 `json:"maxPerUser"`
	MaxQuantity      int64 `json:"maxQuantity"`
	WaitingListLimit int64 `json:"waitingListLimit"`
}

func settingsOf(event store.Event) settingsView {
	return settingsView{
		MaxPerUser: event.MaxPerUser, MaxQuantity: event.MaxQuantity, WaitingListLimit: event.WaitlistLimit,
	}
}
