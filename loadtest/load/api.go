package load

import (
	"bytes"
	"strconv"
	"time"
)

// The event API as the generator speaks it.

// do sends a request and returns what the client knows after it.
func (c *conn) do(request *Request, now time.Time) Answer {
	if err := c.connect(now); err != nil {
		return Answer{Outcome: NotSent, Reason: reasonFor(err)}
	}
	c.build(request)
	code, replayed, err := c.roundTrip(now)
	if err != nil {
		c.close()
		return Answer{Outcome: Unknown, Reason: reasonFor(err)}
	}
	answer := readBody(request.Kind, code, c.in)
	answer.Replayed = replayed
	return answer
}

func (c *conn) build(request *Request) {
	c.json = appendBody(c.json[:0], request)

	out := c.out[:0]
	switch request.Kind {
	case Book:
		out = append(out, "POST /api/events/book"...)
	case Cancel:
		out = append(out, "POST /api/events/cancel"...)
	case Status:
		out = append(out, "GET /api/events/status/"...)
		out = request.Event.append(out)
	case Lookup:
		out = append(out, "GET /api/bookings/"...)
		out = request.Booking.append(out)
	}
	out = append(out, c.targets[0].head...)
	if request.Key != 0 {
		out = append(out, "Idempotency-Key: k"...)
		out = strconv.AppendUint(out, request.Key, 10)
		out = append(out, "\r\n"...)
	}
	if len(c.json) > 0 {
		out = append(out, "Content-Type: application/json\r\nContent-Length: "...)
		out = strconv.AppendInt(out, int64(len(c.json)), 10)
		out = append(out, "\r\n"...)
	}
	out = append(out, "\r\n"...)
	out = append(out, c.json...)
	c.out = out
}

func appendBody(body []byte, request *Request) []byte {
	switch request.Kind {
	case Book:
		body = append(body, `{"eventId":"`...)
		body = request.Event.append(body)
		if request.Quantity != 1 {
			body = append(body, `","quantity":`...)
			body = strconv.AppendInt(body, int64(request.Quantity), 10)
			body = append(body, `,"userId":"u`...)
		} else {
			body = append(body, `","userId":"u`...)
		}
	case Cancel:
		body = append(body, `{"bookingId":"`...)
		body = request.Booking.append(body)
		body = append(body, `","userId":"u`...)
	case Status, Lookup:
		return body
	}
	body = strconv.AppendUint(body, request.User, 10)
	return append(body, `"}`...)
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
		switch status := stringMember(body, `"status":`); {
		case code == 200 && string(status) == "Confirmed":
			answer.Outcome = Confirmed
		case code == 201 && string(status) == "Waiting List":
			answer.Outcome = Waiting
		default:
			whole = false
		}
	case Cancel:
		answer.Outcome = Cancelled
		whole = bytes.Contains(body, []byte(`"waitingListAssigned":`))
		answer.Next, _ = ParseID(stringMember(body, `"nextBookingId":`))
		answer.Promoted = int32(integerMember(body, `"promoted":`))
	case Status:
		answer.Outcome = Found
		answer.Available = integerMember(body, `"availableTickets":`)
		answer.Position = integerMember(body, `"waitingListCount":`)
		whole = bytes.Contains(body, []byte(`"availableTickets":`))
	case Lookup:
		answer.Outcome = Found
		answer.Position = integerMember(body, `"position":`)
		answer.State = stateOf(stringMember(body, `"status":`))
		answer.Booked, whole = ParseID(stringMember(body, `"bookingId":`))
	}
	if !whole {
		return Answer{Outcome: Failed, Reason: ReasonMalformed, Code: uint16(code)}
	}
	return answer
}

func stateOf(text []byte) State {
	switch string(text) { // compares without a copy
	case "Confirmed":
		return StateConfirmed
	case "Waiting List":
		return StateWaiting
	case "Cancelled":
		return StateCancelled
	}
	return StateNone
}

// refusal classifies an answer that is not a success.
func refusal(answer Answer, code int, body []byte) Answer {
	answer.Reason = ReasonOther
	if reason, known := reasonOf[string(stringMember(body, `"code":`))]; known && reason != ReasonNone {
		answer.Reason = reason
	}
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
