package handlers

import (
	"net/http"
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"boxoffice/store"
)

// The settings of an event that both APIs name alike, in requests and in answers. To add one
// is a row of settings, and a field of settingsView and of settingsOf.

// setting is a member of the bodies that create or change an event.
type setting struct {
	member string
	read   func(member string, value gjson.Result, change *store.SettingsChange) error
	null   bool // null is a value: it takes the setting back
}

// Bounds of times, in seconds.
const (
	mostHoldSeconds    = 86_400
	defaultHoldSeconds = 600
	mostOfferSeconds   = 604_800
)

var settings = []setting{
	{member: "maxPerUser", read: limit(maxTickets, func(c *store.SettingsChange) **int64 { return &c.MaxPerUser })},
	{member: "maxQuantity", read: limit(maxTickets, func(c *store.SettingsChange) **int64 { return &c.MaxQuantity })},
	{member: "waitingListLimit", read: limit(maxTickets, func(c *store.SettingsChange) **int64 { return &c.WaitlistLimit })},
	{member: "waitingList", read: func(member string, value gjson.Result, change *store.SettingsChange) error {
		on, err := boolField(member, value, true)
		off := !on
		change.WaitlistOff = &off
		return err
	}},
	{member: "holdSeconds", read: limit(mostHoldSeconds, func(c *store.SettingsChange) **int64 { return &c.HoldSeconds })},
	{member: "offerSeconds", read: limit(mostOfferSeconds, func(c *store.SettingsChange) **int64 { return &c.OfferSeconds })},
	{member: "opensAt", read: instant(func(c *store.SettingsChange) **store.Millis { return &c.OpensAt }), null: true},
	{member: "closesAt", read: instant(func(c *store.SettingsChange) **store.Millis { return &c.ClosesAt }), null: true},
	{member: "state", read: func(member string, value gjson.Result, change *store.SettingsChange) error {
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

// limit reads a number of tickets, bookings or seconds, where 0 is none.
func limit(most int64, field func(*store.SettingsChange) **int64) func(string, gjson.Result, *store.SettingsChange) error {
	return func(member string, value gjson.Result, change *store.SettingsChange) error {
		number, err := integerUpTo(member, value, 0, most)
		*field(change) = &number
		return err
	}
}

// instant reads a time, or null for none.
func instant(field func(*store.SettingsChange) **store.Millis) func(string, gjson.Result, *store.SettingsChange) error {
	return func(member string, value gjson.Result, change *store.SettingsChange) error {
		at := store.Millis(0)
		*field(change) = &at
		if missing(value) {
			return nil
		}
		parsed, err := time.Parse(time.RFC3339, value.Str)
		if value.Type != gjson.String || err != nil || parsed.UnixMilli() <= 0 || parsed.UTC().Year() > 9999 {
			return badInput("%s must be null, or a time with its offset from UTC such as 2026-11-27T10:00:00+01:00 (RFC 3339)", member)
		}
		at = store.Millis(parsed.UnixMilli())
		return nil
	}
}

// readSettings reads those members of a body that are settings. The error lists everything
// that is wrong.
func readSettings(body members) (change store.SettingsChange, err error) {
	var errs []error
	for _, one := range settings {
		if value := body.get(one.member); !missing(value) || one.null && value.Exists() {
			errs = append(errs, one.read(one.member, value, &change))
		}
	}
	if change.OpensAt != nil && change.ClosesAt != nil && *change.ClosesAt != 0 && *change.OpensAt >= *change.ClosesAt {
		errs = append(errs, badInput("closesAt must be after opensAt"))
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
	named.HoldSeconds = defaultHoldSeconds
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
		// By RFC 7396, null removes a member, and most of these cannot be removed.
		if value := body.get(member); value.Exists() && missing(value) && !takesNull(member) {
			return store.UpdateRequest{}, badInput("%s must not be null", member)
		}
	}
	change, settingsErr := readSettings(body)
	var totalErr, nameErr error
	if value := body.get(total); value.Exists() {
		change.TotalTickets = new(int64)
		*change.TotalTickets, totalErr = integerField(total, value)
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

func takesNull(member string) bool {
	return slices.ContainsFunc(settings, func(one setting) bool { return one.member == member && one.null })
}

// settingsView shows settings in an answer.
type settingsView struct {
	MaxPerUser       int64      `json:"maxPerUser"`
	MaxQuantity      int64      `json:"maxQuantity"`
	WaitingListLimit int64      `json:"waitingListLimit"`
	WaitingList      bool       `json:"waitingList"`
	HoldSeconds      int64      `json:"holdSeconds"`
	OfferSeconds     int64      `json:"offerSeconds"`
	OpensAt          *timestamp `json:"opensAt"`
	ClosesAt         *timestamp `json:"closesAt"`
}

func settingsOf(event store.Event) settingsView {
	return settingsView{
		MaxPerUser: event.MaxPerUser, MaxQuantity: event.MaxQuantity, WaitingListLimit: event.WaitlistLimit,
		WaitingList: !event.WaitlistOff, HoldSeconds: event.HoldSeconds, OfferSeconds: event.OfferSeconds,
		OpensAt: timeOrNull(event.OpensAt), ClosesAt: timeOrNull(event.ClosesAt),
	}
}

// timeOrNull is a time as answers show it, or nil for none.
func timeOrNull(at store.Millis) *timestamp {
	if at == 0 {
		return nil
	}
	shown := timestamp(at.Time())
	return &shown
}
