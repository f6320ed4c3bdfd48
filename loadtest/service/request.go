package service

import "strconv"

// Kind is what a request asks for.
type Kind uint8

// The kinds of requests.
const (
	Book   Kind = iota + 1
	Cancel      // a booking, by its id
	Status      // of an event
	Lookup      // of a booking
)

// Request is one request of the event API. It holds no pointers: runs keep
// millions, and the garbage collector need not look at them.
type Request struct {
	Kind     Kind
	Event    ID
	Booking  ID     // that is cancelled or looked up
	User     uint64 // sent as "u" and the number
	Quantity int32  // tickets
	Key      uint64 // sent as Idempotency-Key; 0 = none
}

func (c *Conn) build(request *Request) {
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
