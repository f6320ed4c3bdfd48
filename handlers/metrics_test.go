package handlers_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/sirupsen/logrus"

	"boxoffice/handlers"
	"boxoffice/store"
)

// measured serves an empty embedded store and measures it.
func measured(t testing.TB) *client {
	t.Helper()
	return serve(t, open(t, store.Config{}), measure)
}

// measure has requests measured, and served at /metrics.
func measure(o *handlers.Options) {
	registry := prometheus.NewRegistry()
	o.Metrics = handlers.NewMetrics(registry)
	o.ScrapeHandler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// samples are what a scrape gave, by the name and labels of each.
type samples map[string]float64

func (c *client) scrape() samples {
	c.t.Helper()
	a := c.get("/metrics")
	if a.status != http.StatusOK {
		c.t.Fatalf("%s: %d %s", a.request, a.status, a.body)
	}
	found := samples{}
	for line := range strings.Lines(a.body) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cut := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(strings.TrimSpace(line[cut:]), 64)
		if err != nil {
			c.t.Fatalf("%q: %v", line, err)
		}
		found[line[:cut]] = value
	}
	return found
}

func (s samples) check(t *testing.T, want samples) {
	t.Helper()
	for name, value := range want {
		if got, there := s[name]; !there || got != value {
			t.Errorf("%s is %v (there: %v), want %v", name, got, there, value)
		}
	}
}

// A scrape counts exactly what was asked, and its outcomes.
func TestMetricsCount(t *testing.T) {
	t.Parallel()
	c := measured(t)
	c.scrape().check(t, samples{ // what alerts look at is there before it happens
		`boxoffice_http_requests_total{code="500",method="POST",route="/book"}`:            0,
		`boxoffice_http_requests_total{code="503",method="GET",route="/status/{eventId}"}`: 0,
		`boxoffice_bookings_total{outcome="waiting_list_full"}`:                            0,
		`boxoffice_bookings_total{outcome="overloaded"}`:                                   0,
		`boxoffice_cancellations_total{outcome="overloaded"}`:                              0,
	})
	e := c.event(2, `"waitingListLimit":3`, `"maxPerUser":2`)
	ann := c.confirmed(e, "ann")
	key := "Idempotency-Key: once"
	for range 3 { // one booking, and two replays of it
		c.post("/book", e.bookBody("/book", `"bob"`), key).is(201, `{}`)
	}
	for _, user := range []string{"cid", "dan", "eve"} {
		c.waiting(e, user)
	}
	c.book(e, "fay").is(409, `{"code":"waiting_list_full"}`)
	c.book(e, "fay", `"quantity":3`).is(409, `{"code":"quantity_over_capacity"}`)
	c.book(e, "ann", `"quantity":2`).is(409, `{"code":"user_limit"}`)
	c.post("/book", e.bookBody("/book", `"bob"`, `"quantity":2`), key).is(422, `{}`)
	c.post("/book", `{"eventId":99,"userId":"ann"}`).is(404, `{}`)
	c.post("/book", `{`).is(400, `{}`)
	for range 2 { // the second time it is cancelled already
		c.cancel(ann, "ann").is(200, `{"promoted":[{"userId":"cid"}]}`)
	}
	c.cancel(ann, "bob").is(404, `{}`)
	c.patch(e.path(), `{"totalTickets":4}`).is(200, `{}`)
	c.get("/no/such/path").is(404, `{}`)
	c.send("BREW", "/book", "").is(405, `{}`)

	c.scrape().check(t, samples{
		`boxoffice_bookings_total{outcome="confirmed"}`:              2,
		`boxoffice_bookings_total{outcome="waiting"}`:                3,
		`boxoffice_bookings_total{outcome="replayed"}`:               2,
		`boxoffice_bookings_total{outcome="waiting_list_full"}`:      1,
		`boxoffice_bookings_total{outcome="quantity_over_capacity"}`: 1,
		`boxoffice_bookings_total{outcome="user_limit"}`:             1,
		`boxoffice_bookings_total{outcome="idempotency_mismatch"}`:   1,
		`boxoffice_bookings_total{outcome="event_not_found"}`:        1,
		`boxoffice_bookings_total{outcome="invalid_input"}`:          1,
		`boxoffice_bookings_total{outcome="unavailable"}`:            0,
		`boxoffice_cancellations_total{outcome="cancelled"}`:         1,
		`boxoffice_cancellations_total{outcome="replayed"}`:          1,
		`boxoffice_cancellations_total{outcome="booking_not_found"}`: 1,
		`boxoffice_waiting_list_length_sum`:                          1 + 2 + 3,
		`boxoffice_waiting_list_length_count`:                        3,
		`boxoffice_waiting_list_length_bucket{le="1"}`:               1,

		`boxoffice_http_requests_total{code="201",method="POST",route="/book"}`:            3,
		`boxoffice_http_requests_total{code="200",method="POST",route="/api/events/book"}`: 1,
		`boxoffice_http_requests_total{code="201",method="POST",route="/api/events/book"}`: 3,
		`boxoffice_http_requests_total{code="409",method="POST",route="/api/events/book"}`: 3,
		`boxoffice_http_requests_total{code="200",method="GET",route="/metrics"}`:          1,
		`boxoffice_http_requests_total{code="404",method="other",route="unmatched"}`:       1,
		`boxoffice_http_requests_total{code="405",method="other",route="/book"}`:           1,
		`boxoffice_http_request_duration_seconds_count{method="POST",route="/book"}`:       6,
		`boxoffice_http_requests_in_flight`:                                                1, // the scrape
	})
}

// Users, events and what clients make up never become labels.
func TestMetricsDoNotGrow(t *testing.T) {
	t.Parallel()
	c := measured(t)
	ask := func(n int) {
		e := c.event(1)
		user := fmt.Sprintf("user-%d", n)
		booking := c.confirmed(e, user)
		c.waiting(e, "w"+user)
		c.post("/book", e.bookBody("/book", strconv.Quote(user)), "Idempotency-Key: "+user).is(202, `{}`)
		c.get("/status/"+strconv.FormatInt(e.number, 10)).is(200, `{}`)
		c.get(e.path()+"/bookings?limit="+strconv.Itoa(n%500+1)).is(200, `{}`)
		c.get("/api/bookings/"+booking).is(200, `{}`)
		c.get("/api/bookings/"+user).is(400, `{}`)
		c.get("/"+user).is(404, `{}`)
		c.get("/api/"+user+"/"+booking).is(404, `{}`)
		c.send("M"+strconv.Itoa(n), "/book", "").is(405, `{}`)
		c.send("M"+strconv.Itoa(n), "/"+user, "").is(404, `{}`)
		c.cancel(booking, user).is(200, `{}`)
	}
	names := func() []string {
		return slices.Sorted(maps.Keys(c.scrape()))
	}
	ask(0)
	names() // from now on the route /metrics itself is there
	before := names()
	for n := range 1000 {
		ask(n + 1)
	}
	if after := names(); !slices.Equal(before, after) {
		t.Errorf("%d series became %d", len(before), len(after))
	}
	for _, name := range before {
		if strings.Contains(name, "user-") || strings.Contains(name, `"M`) {
			t.Errorf("a label that a client chose: %s", name)
		}
	}
}

// A panic is counted by the status that answers it, and leaves nothing in flight.
func TestMetricsOfAPanic(t *testing.T) {
	t.Parallel()
	var j journal
	c := serve(t, &fake{fails: func(context.Context) error { panic("x") }}, j.into, measure)
	c.post("/book", `{"eventId":1,"userId":7}`).is(500, `{}`)
	c.scrape().check(t, samples{
		`boxoffice_http_requests_total{code="500",method="POST",route="/book"}`: 1,
		`boxoffice_bookings_total{outcome="internal_error"}`:                    1,
		`boxoffice_http_requests_in_flight`:                                     1, // the scrape
	})
}

// Two instances in one process have metrics of their own.
func TestMetricsHaveNoCommonRegistry(t *testing.T) {
	t.Parallel()
	one, other := measured(t), measured(t)
	one.event(1)
	const created = `boxoffice_http_requests_total{code="201",method="POST",route="/api/events/initialize"}`
	one.scrape().check(t, samples{created: 1})
	if value, there := other.scrape()[created]; there {
		t.Errorf("the other instance counts %v", value)
	}
}

// A scraper has a key of its own scope, once there are keys.
func TestMetricsNeedTheirScope(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{}, withKeys(t), measure)
	c.get("/metrics").is(401, `{"code":"unauthorized"}`).hasHeader("WWW-Authenticate", "Bearer")
	for _, key := range []string{organizerKey, bookingKey, bothKey} {
		c.send("GET", "/metrics", "", bearer(key)).is(403, `{"code":"forbidden"}`).
			hasHeader("WWW-Authenticate", `Bearer error="insufficient_scope", scope="metrics"`)
	}
	a := c.send("GET", "/metrics", "", bearer(metricsKey))
	// Who was refused is counted by the route that refused it.
	const refused = `boxoffice_http_requests_total{code="403",method="GET",route="/metrics"} 3`
	if a.status != 200 || !strings.Contains(a.body, refused) {
		t.Errorf("%d, no word of %s in %s", a.status, refused, a.body)
	}
}

// Without a handler there is no such path, but requests are measured all the same.
func TestMetricsAreNotShown(t *testing.T) {
	t.Parallel()
	serve(t, &fake{}).get("/metrics").is(404, `{}`)
	var elsewhere http.Handler
	c := serve(t, &fake{}, measure, func(o *handlers.Options) { elsewhere, o.ScrapeHandler = o.ScrapeHandler, nil })
	c.get("/metrics").is(404, `{}`)
	c.get("/status/1").is(200, `{}`)
	recorder := httptest.NewRecorder()
	elsewhere.ServeHTTP(recorder, httptest.NewRequest("GET", "/", nil))
	const want = `boxoffice_http_requests_total{code="200",method="GET",route="/status/{eventId}"} 1`
	if !strings.Contains(recorder.Body.String(), want) {
		t.Errorf("no word of %s in\n%s", want, recorder.Body)
	}
}

// Measuring a booking costs no allocation.
func TestMetricsCostNoAllocation(t *testing.T) {
	log := logrus.New()
	log.SetOutput(t.Output())
	log.SetLevel(logrus.WarnLevel)
	cost := func(accessLog bool, metrics *handlers.Metrics) float64 {
		api := handlers.New(handlers.Options{
			Store: instantStore{}, Log: log, RequestTimeout: time.Second, AccessLog: accessLog, Metrics: metrics, OpenToAll: true,
		})
		const body = `{"eventId":"00000000-0001-8850-bd94-5d60d3b0a36a","userId":"u1234567"}`
		// The least of many, and one forgiven: under the race detector pools forget on purpose.
		least := math.Inf(1)
		for range 200 {
			least = min(least, testing.AllocsPerRun(1, func() {
				request := httptest.NewRequest(http.MethodPost, "/api/events/book", strings.NewReader(body))
				api.ServeHTTP(discard{http.Header{}}, request)
			}))
		}
		return least
	}
	off, on, quiet := cost(false, nil), cost(false, handlers.NewMetrics(prometheus.NewRegistry())), cost(true, nil)
	if on > off+1 || quiet > off+1 {
		t.Errorf("a booking allocates %v times, measured %v times, with an access log that is not written %v times", off, on, quiet)
	}
}
