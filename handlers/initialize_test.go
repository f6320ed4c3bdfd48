package handlers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestInitializeTotal(t *testing.T) {
	t.Parallel()
	c := start(t)
	const positive = "Total tickets must be a positive number"
	for _, test := range []struct{ total, refusal, short string }{
		{`1`, "", ""},
		{`1000000000`, "", ""},
		{`0`, positive, "totalTickets must be from 1 to 1000000000"},
		{`-1`, positive, "totalTickets must be from 1 to 1000000000"},
		{`-99999999999999999999`, positive, "totalTickets must be from 1 to 1000000000"},
		{`1.5`, positive, "totalTickets must be an integer"},
		{`1e3`, positive, "totalTickets must be an integer"},
		{`"5"`, positive, "totalTickets must be an integer"},
		{`true`, positive, "totalTickets must be an integer"},
		{`[]`, positive, "totalTickets must be an integer"},
		{`{}`, positive, "totalTickets must be an integer"},
		{`null`, positive, "totalTickets is required"},
		{``, positive, "totalTickets is required"},
		{`1000000001`, "Total tickets must be from 1 to 1000000000", "totalTickets must be from 1 to 1000000000"},
		{`99999999999999999999`, "Total tickets must be from 1 to 1000000000", "totalTickets must be from 1 to 1000000000"},
	} {
		t.Run(test.total, func(t *testing.T) {
			c := &client{t: t, api: c.api}
			member := `,"totalTickets":` + test.total
			if test.total == "" {
				member = ""
			}
			long := c.post("/api/events/initialize", `{"eventName":"Concert"`+member+`}`)
			short := c.post("/initialize", `{"name":"Concert"`+member+`}`)
			if test.refusal == "" {
				long.is(201, `{"totalTickets":`+test.total+`}`)
				short.is(201, `{"event":{"totalTickets":`+test.total+`,"remainingTickets":`+test.total+`}}`)
				c.get("/api/events/status/"+long.text("eventId")).is(200,
					`{"totalTickets":`+test.total+`,"availableTickets":`+test.total+`}`)
				return
			}
			long.is(400, fmt.Sprintf(`{"error":"Invalid event initialization","details":[{"message":%q}],
				"title":"Invalid input","detail":%[1]q,"code":"invalid_input"}`, test.refusal))
			short.is(400, fmt.Sprintf(`{"message":%q,"code":"invalid_input"}`, test.short))
		})
	}
}

func TestInitializeName(t *testing.T) {
	t.Parallel()
	c := start(t)
	long := strings.Repeat("x", 200)
	for _, test := range []struct{ name, json, refusal string }{
		{"one character", `"x"`, ""},
		{"200 characters", `"` + long + `"`, ""},
		{"200 characters of several bytes", `"` + strings.Repeat("世", 200) + `"`, ""},
		{"markup and quotes", `"<b>\"R&B\"</b> \\ 'n' {1}"`, ""},
		{"201 characters", `"` + long + `x"`, "must have at most 200 characters"},
		{"201 characters of several bytes", `"` + strings.Repeat("世", 201) + `"`, "must have at most 200 characters"},
		{"empty", `""`, "must not be empty"},
		{"number", `5`, "must be a string"},
		{"true", `true`, "must be a string"},
		{"array", `["x"]`, "must be a string"},
		{"object", `{}`, "must be a string"},
		{"half a surrogate pair", `"\udc00"`, "must be valid Unicode"},
		{"null", `null`, "is required"},
		{"missing", ``, "is required"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &client{t: t, api: c.api}
			longBody, shortBody := `{"totalTickets":1}`, `{"totalTickets":1}`
			if test.json != "" {
				longBody = `{"totalTickets":1,"eventName":` + test.json + `}`
				shortBody = `{"totalTickets":1,"name":` + test.json + `}`
			}
			created := c.post("/api/events/initialize", longBody)
			if test.refusal != "" {
				created.is(400, fmt.Sprintf(
					`{"error":"Invalid event initialization","details":[{"message":"Event name %s"}]}`, test.refusal))
				c.post("/initialize", shortBody).is(400, fmt.Sprintf(`{"message":"name %s"}`, test.refusal))
				return
			}
			created.is(201, `{"eventName":`+test.json+`}`)
			c.get("/api/events/"+created.text("eventId")).is(200, `{"eventName":`+test.json+`}`)
			number := c.post("/initialize", shortBody).is(201, `{"event":{"name":`+test.json+`}}`).integer("event.id")
			c.get(fmt.Sprintf("/status/%d", number)).is(200, `{"name":`+test.json+`}`)
		})
	}
}

// One entry for each thing wrong, in the order of the fields.
func TestInitializeTellsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	c := start(t)
	const (
		noName   = "Event name is required"
		badTotal = "Total tickets must be a positive number"
	)
	for _, test := range []struct {
		body, key string
		want      []string
	}{
		{`{"eventName":"x","totalTickets":0}`, "", []string{badTotal}},
		{`{"totalTickets":1}`, "", []string{noName}},
		{`{}`, "", []string{noName, badTotal}},
		{`{"eventName":"x","totalTickets":1,"maxPerUser":-1}`, "", []string{"maxPerUser must be from 0 to 1000000000"}},
		{`{"eventName":"x","totalTickets":1,"maxPerUser":1000000001,"waitingListLimit":"5"}`, "",
			[]string{"maxPerUser must be from 0 to 1000000000", "waitingListLimit must be an integer"}},
		{`{"eventName":"","totalTickets":"x","maxPerUser":1.5,"waitingListLimit":-1}`, "a b", []string{
			"Event name must not be empty", badTotal, "maxPerUser must be an integer",
			"waitingListLimit must be from 0 to 1000000000", "Idempotency-Key must consist of visible ASCII characters",
		}},
	} {
		var headers []string
		if test.key != "" {
			headers = []string{"Idempotency-Key: " + test.key}
		}
		var entries []map[string]string
		for _, message := range test.want {
			entries = append(entries, map[string]string{"message": message})
		}
		want, err := json.Marshal(map[string]any{
			"error": "Invalid event initialization", "details": entries, "detail": strings.Join(test.want, "; "),
		})
		if err != nil {
			t.Fatal(err)
		}
		c.post("/api/events/initialize", test.body, headers...).is(400, string(want))

		short := strings.Replace(test.body, "eventName", "name", 1)
		message := c.post("/initialize", short, headers...).is(400, `{}`).text("message")
		if got := len(strings.Split(message, "; ")); got != len(test.want) {
			t.Errorf("/initialize %s: %q names %d things, want %d", short, message, got, len(test.want))
		}
	}
	c.get("/api/events").is(200, `{"events":[]}`)
}

func TestInitializeLimits(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(1, `"maxPerUser":1000000000`, `"waitingListLimit":0`)
	c.get(e.path()).is(200, `{"maxPerUser":1000000000,"waitingListLimit":0,"state":"open"}`)
	e = c.event(1, `"maxPerUser":3`, `"waitingListLimit":4`)
	c.get(e.path()).is(200, `{"maxPerUser":3,"waitingListLimit":4,"state":"open"}`)
	e = c.event(1)
	c.get(e.path()).is(200, `{"maxPerUser":0,"waitingListLimit":0,"state":"open"}`)
}

func TestInitializeState(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(1, `"state":"paused"`)
	c.get(e.path()).is(200, `{"state":"paused"}`)
	c.post("/book", fmt.Sprintf(`{"eventId":%d,"userId":1}`, e.number)).is(409, `{"code":"event_paused"}`)
	c.post("/initialize", `{"name":"x","totalTickets":1,"state":"paused"}`).is(201, `{}`)
	c.post("/book", `{"eventId":2,"userId":1}`).is(409, `{"code":"event_paused"}`)
	for _, state := range []string{`"closed"`, `"Paused"`, `7`} {
		c.post("/initialize", `{"name":"x","totalTickets":1,"state":`+state+`}`).is(400, `{}`)
	}
}
