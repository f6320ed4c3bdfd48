package service

import (
	"bufio"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// reply answers each request on a connection with a text, then closes it if asked to.
func reply(t *testing.T, text string, closes bool) Target {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			accepted, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = accepted.Close() }()
				reader := bufio.NewReader(accepted)
				for {
					request, err := http.ReadRequest(reader)
					if err != nil {
						return
					}
					_ = request.Body.Close()
					_, _ = accepted.Write([]byte(text))
					if closes {
						return
					}
				}
			}()
		}
	}()
	target, err := ParseTarget("http://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return target
}

const bookedBody = `{"bookingId":"00000000-0001-8bbb-8bbb-000000000001","status":"Confirmed","version":2}`

const ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

func withLength(head, body string) string {
	return head + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

func TestAnswers(t *testing.T) {
	booked, _ := ParseID("00000000-0001-8bbb-8bbb-000000000001")
	next, _ := ParseID("00000000-0001-8bbb-8bbb-000000000002")
	refused := `{"type":"urn:boxoffice:problem:event_paused","title":"Event is paused","status":409,"code":"event_paused"}`
	tests := []struct {
		name   string
		kind   Kind
		text   string
		closes bool
		want   Answer
	}{
		{"confirmed", Book, withLength(ok, bookedBody), false,
			Answer{Outcome: Confirmed, Code: 200, Booked: booked, Version: 2}},
		{"spaces, and a name of its own case", Book,
			withLength("HTTP/1.1 200 OK\r\ncontent-type: x\r\nIDEMPOTENT-REPLAYED: TRUE\r\n", strings.ReplaceAll(bookedBody, ":", ": ")), false,
			Answer{Outcome: Confirmed, Code: 200, Booked: booked, Version: 2, Replayed: true}},
		{"chunked", Book, ok + "Transfer-Encoding: chunked\r\n\r\n" + "5\r\n" + bookedBody[:5] + "\r\n" +
			"50\r\n" + bookedBody[5:] + "\r\n0\r\n\r\n", false,
			Answer{Outcome: Confirmed, Code: 200, Booked: booked, Version: 2}},
		{"waiting", Book, withLength("HTTP/1.1 201 Created\r\n",
			`{"bookingId":"`+booked.String()+`","status":"Waiting List","position":7,"version":3}`), false,
			Answer{Outcome: Waiting, Code: 201, Booked: booked, Position: 7, Version: 3}},
		{"cancelled", Cancel, withLength(ok,
			`{"details":{"waitingListAssigned":true,"nextBookingId":"`+next.String()+`"},"promoted":[`+
				`{"bookingId":"a"},{"bookingId":"b"}],"version":9}`), true,
			Answer{Outcome: Cancelled, Code: 200, Next: next, Promoted: 2, Version: 9}},
		{"cancelled, nobody promoted", Cancel, withLength(ok,
			`{"details":{"waitingListAssigned":false,"nextBookingId":null},"promoted":[],"version":9}`), false,
			Answer{Outcome: Cancelled, Code: 200, Version: 9}},
		{"a position", Lookup, withLength(ok, `{"bookingId":"`+booked.String()+`","status":"Waiting List","position":4}`), false,
			Answer{Outcome: Found, Code: 200, Booked: booked, Status: StatusWaiting, Position: 4}},
		{"a status that the API does not have", Lookup, withLength(ok, `{"bookingId":"`+booked.String()+`","status":"Lost"}`), false,
			Answer{Outcome: Found, Code: 200, Booked: booked}},
		{"a lookup of nothing", Lookup, withLength(ok, `{"bookingId":"x","status":"Cancelled"}`), false,
			Answer{Outcome: Failed, Code: 200, Reason: ReasonMalformed}},
		{"an event's status", Status, withLength(ok, `{"availableTickets":3,"totalTickets":9,"waitingListCount":5,"version":12}`), false,
			Answer{Outcome: Found, Code: 200, Available: 3, WaitingCount: 5, Version: 12}},
		{"refused", Book, withLength("HTTP/1.1 409 Conflict\r\n", refused), false,
			Answer{Outcome: Refused, Code: 409, Reason: reasonOf([]byte("event_paused"))}},
		{"unavailable", Book, withLength("HTTP/1.1 503 Service Unavailable\r\n", `{"code":"unavailable"}`), false,
			Answer{Outcome: Unknown, Code: 503, Reason: reasonOf([]byte("unavailable"))}},
		{"a mistake in the service", Book, withLength("HTTP/1.1 500 Internal Server Error\r\n", "oops"), false,
			Answer{Outcome: Failed, Code: 500, Reason: ReasonOther}},
		{"200, but no booking", Book, withLength(ok, `{"status":"Confirmed"}`), false,
			Answer{Outcome: Failed, Code: 200, Reason: ReasonMalformed}},
		{"200, but in line", Book, withLength(ok, strings.Replace(bookedBody, "Confirmed", "Waiting List", 1)), false,
			Answer{Outcome: Failed, Code: 200, Reason: ReasonMalformed}},
		{"cut in the body", Book, ok + "Content-Length: 500\r\n\r\n{", true, Answer{Outcome: Unknown, Reason: ReasonCut}},
		{"cut before the answer", Book, "", true, Answer{Outcome: Unknown, Reason: ReasonCut}},
		{"not HTTP", Book, "-ERR unknown command\r\n", true, Answer{Outcome: Unknown, Reason: ReasonMalformed}},
		{"no answer", Book, "", false, Answer{Outcome: Unknown, Reason: ReasonTimeout}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := &Conn{targets: []Target{reply(t, test.text, test.closes)}, timeout: 200 * time.Millisecond}
			defer c.Close()
			// Twice, so that what is left on the connection would show.
			for range 2 {
				if got := c.Do(&Request{Kind: test.kind, User: 1, Quantity: 1}, time.Now()); got != test.want {
					t.Errorf("got %+v, want %+v", got, test.want)
				}
				if test.closes {
					c.Close() // its end may not have arrived yet
				}
			}
		})
	}
}

func TestIDs(t *testing.T) {
	const text = "01234567-89ab-cdef-0123-456789abcdef"
	id, valid := ParseID(text)
	if !valid || id.String() != text {
		t.Errorf("%s became %s, %t", text, id, valid)
	}
	for _, bad := range []string{"", text[1:], text + "0", strings.Replace(text, "-", "0", 1), strings.Replace(text, "a", "g", 1)} {
		if _, valid := ParseID(bad); valid {
			t.Errorf("%q was taken for a UUID", bad)
		}
	}
}
