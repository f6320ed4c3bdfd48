package layout

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
)

// Settings are what an organizer decides about an event. Each is a field of the event's
// hash, named as its JSON tag says; a number that has no field is 0. To add a setting is to
// add it here, to SettingsChange and to SettingsFields, and to NUMBERS of event.lua if a script
// goes by it.
type Settings struct {
	Name          string `json:"name"`
	State         State  `json:"state"`
	TotalTickets  int64  `json:"total"`
	MaxPerUser    int64  `json:"maxPerUser,omitempty"`    // tickets confirmed or waiting, 0 = no limit
	MaxQuantity   int64  `json:"maxQuantity,omitempty"`   // tickets of one booking, 0 = no limit
	WaitlistLimit int64  `json:"waitlistLimit,omitempty"` // bookings, 0 = no limit
	WaitlistOff   bool   `json:"waitlistOff,omitempty"`   // nobody joins the waiting list
	HoldSeconds   int64  `json:"holdSeconds,omitempty"`   // longest hold, 0 = no holds
	OfferSeconds  int64  `json:"offerSeconds,omitempty"`  // how long a promotion is an offer, 0 = it confirms at once
	OpensAt       Millis `json:"opensAt,omitempty"`       // when the sale starts, 0 = at once
	ClosesAt      Millis `json:"closesAt,omitempty"`      // when the sale ends, 0 = never
}

// SettingsChange changes settings. Nil leaves one as it is.
type SettingsChange struct {
	Name          *string `json:"name,omitempty"`
	State         *State  `json:"state,omitempty"`
	TotalTickets  *int64  `json:"total,omitempty"`
	MaxPerUser    *int64  `json:"maxPerUser,omitempty"`
	MaxQuantity   *int64  `json:"maxQuantity,omitempty"`
	WaitlistLimit *int64  `json:"waitlistLimit,omitempty"`
	WaitlistOff   *bool   `json:"waitlistOff,omitempty"`
	HoldSeconds   *int64  `json:"holdSeconds,omitempty"`
	OfferSeconds  *int64  `json:"offerSeconds,omitempty"`
	OpensAt       *Millis `json:"opensAt,omitempty"`
	ClosesAt      *Millis `json:"closesAt,omitempty"`
}

// Apply returns the settings as they are after the change.
func (c SettingsChange) Apply(s Settings) Settings {
	set(&s.Name, c.Name)
	set(&s.State, c.State)
	set(&s.TotalTickets, c.TotalTickets)
	set(&s.MaxPerUser, c.MaxPerUser)
	set(&s.MaxQuantity, c.MaxQuantity)
	set(&s.WaitlistLimit, c.WaitlistLimit)
	set(&s.WaitlistOff, c.WaitlistOff)
	set(&s.HoldSeconds, c.HoldSeconds)
	set(&s.OfferSeconds, c.OfferSeconds)
	set(&s.OpensAt, c.OpensAt)
	set(&s.ClosesAt, c.ClosesAt)
	return s
}

func set[T any](setting, to *T) {
	if to != nil {
		*setting = *to
	}
}

// SettingsFields are the fields with the settings of an event.
func SettingsFields() []string {
	return []string{
		"name", "state", "total", "maxPerUser", "maxQuantity", "waitlistLimit", "waitlistOff",
		"holdSeconds", "offerSeconds", "opensAt", "closesAt",
	}
}

// Encode returns the settings as initialize.lua takes them. The same settings give the same
// text, by which a repeated creation is recognized.
func (s Settings) Encode() string { return encode(s) }

// Encode returns the change as update.lua takes it.
func (c SettingsChange) Encode() string { return encode(c) }

func encode(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("settings that are no JSON: %v", err)) // they are texts and integers
	}
	return string(text)
}

// ParseSettings reads settings from the fields of an event's hash, given by name. A state
// may be unknown. Each gives the parts of the error one by one.
func ParseSettings(fields map[string]string) (Settings, error) {
	p := parts{values: fields}
	settings := Settings{
		Name:          p.text("name"),
		State:         State(p.text("state")),
		TotalTickets:  p.number("total"),
		MaxPerUser:    p.optional("maxPerUser"),
		MaxQuantity:   p.optional("maxQuantity"),
		WaitlistLimit: p.optional("waitlistLimit"),
		WaitlistOff:   p.optional("waitlistOff") == 1,
		HoldSeconds:   p.optional("holdSeconds"),
		OfferSeconds:  p.optional("offerSeconds"),
		OpensAt:       Millis(p.optional("opensAt")),
		ClosesAt:      Millis(p.optional("closesAt")),
	}
	return settings, p.err()
}

// ParseFirstSettings reads the settings that an event was created with: the field
// FirstSettingsField.
func ParseFirstSettings(text string) (settings Settings, err error) {
	if err := json.Unmarshal([]byte(text), &settings); err != nil {
		return Settings{}, wrongField(FirstSettingsField, text)
	}
	return settings, nil
}

// ParseUUID reads the field UUIDField.
func ParseUUID(text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, wrongField(UUIDField, text)
	}
	return id, nil
}
