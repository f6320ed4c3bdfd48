package service

import (
	"bytes"
	"slices"
	"sync"
)

// Outcome is what a client knows after its request.
type Outcome uint8

// The outcomes of a request.
const (
	Confirmed Outcome = iota
	Waiting           // put in line
	Cancelled
	Found   // an event's or a booking's state was read
	Refused // a definite no: nothing has changed
	Unknown // 503, cut or timed out: it may have happened or not
	Failed  // an answer that the API does not have: a 500, a broken body
	NotSent // no connection
	Outcomes
)

var outcomeNames = [Outcomes]string{
	"confirmed", "waiting", "cancelled", "found", "refused", "unknown", "failed", "not sent",
}

// String returns the outcome's name, as reports show it.
func (o Outcome) String() string { return outcomeNames[o] }

// IsError reports whether the client did not get what the API promises.
func (o Outcome) IsError() bool { return o >= Unknown }

// Reason says why a request was not accepted: the code of a problem document, or what
// happened to the connection. It is a byte, as runs keep millions. The codes of the API get
// theirs as they are met.
type Reason uint8

// The reasons that are no codes of the API.
const (
	ReasonNone Reason = iota
	ReasonOther
	ReasonTimeout
	ReasonCut
	ReasonConnect
	ReasonMalformed
)

// Reasons is how many reasons there are at most. Further codes are ReasonOther.
const Reasons = 64

var reasons = struct {
	sync.RWMutex
	names []string
}{names: []string{"", "other", "timed out", "connection cut", "cannot connect", "malformed answer"}}

// reasonOf returns the reason of a code of the API, ReasonOther where there is none.
func reasonOf(code []byte) Reason {
	if len(code) == 0 {
		return ReasonOther
	}
	named := func(name string) bool { return name == string(code) }
	reasons.RLock()
	known := slices.IndexFunc(reasons.names, named)
	reasons.RUnlock()
	if known >= 0 {
		return Reason(known)
	}
	reasons.Lock()
	defer reasons.Unlock()
	if known = slices.IndexFunc(reasons.names, named); known >= 0 { // met by another connection meanwhile
		return Reason(known)
	}
	if len(reasons.names) == Reasons {
		return ReasonOther
	}
	reasons.names = append(reasons.names, string(code))
	return Reason(len(reasons.names) - 1)
}

// String returns the reason's name, as reports show it.
func (r Reason) String() string {
	reasons.RLock()
	defer reasons.RUnlock()
	return reasons.names[r]
}

// Answer is what came back. It has no pointers either.
type Answer struct {
	Outcome      Outcome
	Reason       Reason
	Replayed     bool          // the service says that it answered this before
	Status       BookingStatus // of the booking that was looked up
	Code         uint16        // HTTP status, 0 = no answer
	Promoted     int32         // bookings that a cancellation promoted
	Booked       ID            // the booking that was made, or looked up
	Next         ID            // the first booking that a cancellation promoted
	Position     int64         // of a booking in the waiting list
	Available    int64         // tickets, in an event's status
	WaitingCount int64         // bookings in the waiting list, in an event's status
	Version      int64         // of the event; in a lookup, when it was booked
}

// readBody classifies an answer. Only whole answers of the API count as accepted.
func readBody(kind Kind, code int, body []byte) Answer {
	answer := Answer{Code: uint16(code), Version: integerMember(body, `"version":`)}
	if code != 200 && code != 201 {
		return refusal(answer, code, body)
	}
	whole := false
	switch kind {
	case Book:
		answer.Booked, whole = ParseID(stringMember(body, `"bookingId":`))
		answer.Position = integerMember(body, `"position":`)
		switch status := parseBookingStatus(stringMember(body, `"status":`)); {
		case code == 200 && status == StatusConfirmed:
			answer.Outcome = Confirmed
		case code == 201 && status == StatusWaiting:
			answer.Outcome = Waiting
		default:
			whole = false
		}
	case Cancel:
		answer.Outcome = Cancelled
		whole = bytes.Contains(body, []byte(`"waitingListAssigned":`))
		answer.Next, _ = ParseID(stringMember(body, `"nextBookingId":`))
		if _, promoted, named := bytes.Cut(body, []byte(`"promoted":`)); named {
			answer.Promoted = int32(bytes.Count(promoted, []byte(`"bookingId":`)))
		}
	case Status:
		answer.Outcome = Found
		answer.Available = integerMember(body, `"availableTickets":`)
		answer.WaitingCount = integerMember(body, `"waitingListCount":`)
		whole = bytes.Contains(body, []byte(`"availableTickets":`))
	case Lookup:
		answer.Outcome = Found
		answer.Position = integerMember(body, `"position":`)
		answer.Status = parseBookingStatus(stringMember(body, `"status":`))
		answer.Booked, whole = ParseID(stringMember(body, `"bookingId":`))
	}
	if !whole {
		return Answer{Outcome: Failed, Reason: ReasonMalformed, Code: uint16(code)}
	}
	return answer
}

// refusal classifies an answer that is not a success.
func refusal(answer Answer, code int, body []byte) Answer {
	answer.Reason = reasonOf(stringMember(body, `"code":`))
	switch code {
	case 409, 404, 422, 429:
		answer.Outcome = Refused
	case 502, 503, 504: // a proxy's too
		answer.Outcome = Unknown
	default:
		answer.Outcome = Failed
	}
	return answer
}

// stringMember returns a member of a JSON object whose value needs no escapes: ids,
// statuses and codes. Decoding the whole would cost more than the rest of a request.
func stringMember(body []byte, prefix string) []byte {
	at := bytes.Index(body, []byte(prefix))
	if at < 0 {
		return nil
	}
	value := bytes.TrimLeft(body[at+len(prefix):], " ")
	if len(value) == 0 || value[0] != '"' {
		return nil
	}
	end := bytes.IndexByte(value[1:], '"')
	if end < 0 {
		return nil
	}
	return value[1 : end+1]
}

func integerMember(body []byte, prefix string) (value int64) {
	at := bytes.Index(body, []byte(prefix))
	if at < 0 {
		return 0
	}
	for _, char := range bytes.TrimLeft(body[at+len(prefix):], " ") {
		if char < '0' || char > '9' {
			break
		}
		value = value*10 + int64(char-'0')
	}
	return value
}
