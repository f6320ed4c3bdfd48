// Package layout is what Redis holds of events: the keys, the ids, and the texts in the
// fields of hashes. It is the only Go code that knows the format, which the scripts write;
// everybody else sees named structs. It talks to nobody.
package layout

import "errors"

// ErrEventNotFound means that Redis holds no such event.
var ErrEventNotFound = errors.New("event not found")

// ErrDamaged means that what Redis holds is nothing that any version of the service writes.
var ErrDamaged = errors.New("the data is damaged")

// ErrUnknownFormat means that a later version of the service made the event, in a format
// that this one would read wrongly.
var ErrUnknownFormat = errors.New("the event has a format that this version of the service does not know")
