package handlers_test

import (
	"crypto/sha256"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"boxoffice/handlers"
)

const (
	organizerKey = "boxoffice_ORGANIZERORGANIZERORGANIZE"
	bookingKey   = "boxoffice_BOOKINGBOOKINGBOOKINGBOOK"
	metricsKey   = "boxoffice_METRICSMETRICSMETRICSMETRI"
	bothKey      = "boxoffice_BOTHBOTHBOTHBOTHBOTHBOTHBO"
	unknownKey   = "boxoffice_UNKNOWNUNKNOWNUNKNOWNUNKNO"
)

// hashOf is a key's hash, as settings have it.
func hashOf(key string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(key))) }

func apiKey(t testing.TB, scopes, key string) handlers.APIKey {
	t.Helper()
	parsed, err := handlers.ParseAPIKey(scopes + ":" + hashOf(key))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// withKeys asks for one key of each kind.
func withKeys(t testing.TB) func(*handlers.Options) {
	return func(o *handlers.Options) {
		o.APIKeys = []handlers.APIKey{
			apiKey(t, "organizer", organizerKey), apiKey(t, "booking", bookingKey),
			apiKey(t, "metrics", metricsKey), apiKey(t, "organizer+booking", bothKey),
		}
	}
}

func bearer(key string) string { return "Authorization: Bearer " + key }

// opens says which of the two keys opens each of storeCalls.
var opens = map[string]string{
	"POST /api/events/initialize":               "organizer",
	"POST /api/events/book":                     "booking",
	"POST /api/events/hold":                     "booking",
	"POST /api/bookings/" + someID + "/confirm": "booking",
	"POST /api/bookings/" + someID + "/extend":  "booking",
	"POST /api/events/cancel":                   "organizer booking",
	"GET /api/events/status/" + someID:          "organizer booking",
	"GET /api/events":                           "organizer booking",
	"GET /api/events/" + someID:                 "organizer booking",
	"PATCH /api/events/" + someID:               "organizer",
	"GET /api/events/" + someID + "/bookings":   "organizer",

	"GET /api/events/" + someID + "/bookings?userId=ann": "organizer booking",

	"GET /api/bookings/" + someID:   "booking",
	"PATCH /api/bookings/" + someID: "organizer booking",
	"POST /initialize":              "organizer",
	"POST /book":                    "booking",
	"POST /cancel":                  "booking",
	"GET /status/1":                 "organizer booking",
}

func TestScopes(t *testing.T) {
	t.Parallel()
	f := &fake{}
	c := serve(t, f, withKeys(t))
	for _, call := range storeCalls {
		want, known := opens[call.method+" "+call.path]
		if !known {
			t.Errorf("nothing is said of who may %s %s", call.method, call.path)
		}
		unauthorized, forbidden := `{"message":"Unauthorized","code":"unauthorized"}`, `{"message":"Forbidden","code":"forbidden"}`
		if strings.HasPrefix(call.path, "/api/") {
			unauthorized = `{"type":"urn:boxoffice:problem:unauthorized","title":"Unauthorized","error":"Unauthorized","code":"unauthorized"}`
			forbidden = `{"type":"urn:boxoffice:problem:forbidden","title":"Forbidden","error":"Forbidden","code":"forbidden"}`
		}
		before := f.calls.Load()
		c.send(call.method, call.path, call.body).is(401, unauthorized).hasHeader("WWW-Authenticate", "Bearer")
		c.send(call.method, call.path, call.body, bearer(unknownKey)).is(401, unauthorized).
			hasHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
		refused := []string{metricsKey}
		for scope, key := range map[string]string{"organizer": organizerKey, "booking": bookingKey} {
			if !strings.Contains(want, scope) {
				refused = append(refused, key)
			}
		}
		for _, key := range refused {
			c.send(call.method, call.path, call.body, bearer(key)).is(403, forbidden).
				hasHeader("WWW-Authenticate", fmt.Sprintf("Bearer error=\"insufficient_scope\", scope=%q", want))
		}
		if f.calls.Load() != before {
			t.Errorf("%s %s: a request that was refused reached the store", call.method, call.path)
		}
		for scope, key := range map[string]string{"organizer": organizerKey, "booking": bookingKey} {
			if strings.Contains(want, scope) {
				if a := c.send(call.method, call.path, call.body, bearer(key)); a.status >= 300 {
					t.Errorf("%s with the %s key answered %d %s", a.request, scope, a.status, a.body)
				}
			}
		}
		if a := c.send(call.method, call.path, call.body, bearer(bothKey)); a.status >= 300 {
			t.Errorf("%s with a key of both scopes answered %d %s", a.request, a.status, a.body)
		}
	}
}

// Load balancers have no key.
func TestHealthNeedsNoKey(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{}, withKeys(t))
	for _, path := range []string{"/livez", "/readyz"} {
		c.get(path).is(200, `{"status":"ok"}`)
		c.send("GET", path, "", bearer(unknownKey)).is(200, `{"status":"ok"}`)
	}
}

// Without keys everybody is served, whatever credentials they send.
func TestNoKeys(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{})
	for _, headers := range [][]string{nil, {bearer(unknownKey)}, {"Authorization: Basic eDp5"}} {
		c.send("GET", "/status/1", "", headers...).is(200, `{}`).hasHeader("WWW-Authenticate", "")
	}
}

func TestAuthorizationHeaders(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{}, withKeys(t))
	for header, status := range map[string]int{
		"Bearer " + bookingKey:              200,
		"bearer " + bookingKey:              200,
		"BEARER  " + bookingKey:             200,
		"":                                  401,
		" ":                                 401,
		"Bearer":                            401,
		"Bearer ":                           401,
		"Bearer =":                          401,
		"Bearer\t" + bookingKey:             401,
		"Bearer" + bookingKey:               401,
		"Basic " + bookingKey:               401,
		bookingKey:                          401,
		"Bearer " + bookingKey + " ":        401,
		"Bearer " + bookingKey + "=":        401,
		"Bearer " + bookingKey + "\x00":     401,
		"Bearer " + bookingKey + ", Bearer": 401,
		"Bearer " + bookingKey[:len(bookingKey)-1]: 401,
		"Bearer " + strings.ToLower(bookingKey):    401,
		"Bearer \"" + bookingKey + "\"":            401,
		"Bearer " + strings.Repeat("x", 256):       401,
		"Bearer " + strings.Repeat("x", 257):       401,
		"Bearer " + strings.Repeat("x", 1<<20):     401,
		"Bearer " + strings.Repeat("=", 1<<10):     401,
		"Bearer ключ":                              401,
		"Bearer \xff\xfe":                          401,
		"Bearer " + hashOf(bookingKey):             401, // the hash is no key
	} {
		request := httptest.NewRequest("GET", "/status/1", nil)
		request.Header["Authorization"] = []string{header}
		if a := c.do(request, ""); a.status != status {
			t.Errorf("%.80q was answered %d, want %d", header, a.status, status)
		}
	}
	// Which of two would it be?
	request := httptest.NewRequest("GET", "/status/1", nil)
	request.Header["Authorization"] = []string{"Bearer " + bookingKey, "Bearer " + bookingKey}
	c.do(request, "").is(401, `{}`)
	// A key is read from its header only.
	c.get("/status/1?access_token="+bookingKey).is(401, `{}`)
}

// A key is a secret in every log, whatever becomes of the request.
func TestKeysAreNotLogged(t *testing.T) {
	t.Parallel()
	var j journal
	f := &fake{}
	c := serve(t, f, withKeys(t), j.into, func(o *handlers.Options) {
		o.AccessLog, o.RateLimit = true, 1e6
		o.Log.SetLevel(logrus.TraceLevel)
	})
	all := func() {
		for _, call := range storeCalls {
			for _, key := range []string{organizerKey, bookingKey, unknownKey} {
				c.send(call.method, call.path, call.body, bearer(key))
			}
		}
	}
	all()
	f.fails = hang // until RequestTimeout, which follows at once
	c.api.Options.RequestTimeout = 1
	all()
	f.fails = nil
	j.mutex.Lock()
	defer j.mutex.Unlock()
	text := j.text.String()
	if lines := strings.Count(text, "\n"); lines < 2*3*len(storeCalls) {
		t.Errorf("only %d lines were logged", lines)
	}
	for _, key := range []string{organizerKey, bookingKey, unknownKey} {
		if strings.Contains(text, key) || strings.Contains(text, hashOf(key)) {
			t.Errorf("%s is in the log", key)
		}
	}
}

func TestParseAPIKey(t *testing.T) {
	t.Parallel()
	hash := hashOf(bookingKey)
	for entry, want := range map[string]string{
		"booking:" + hash:                                "booking:" + hash + ":" + hash[:8],
		"booking:" + strings.ToUpper(hash):               "booking:" + hash + ":" + hash[:8],
		"booking+organizer:" + hash + ":box-office:west": "organizer+booking:" + hash + ":box-office:west",
		"metrics:" + hash + ":prometheus":                "metrics:" + hash + ":prometheus",
	} {
		if key, err := handlers.ParseAPIKey(entry); err != nil || key.String() != want {
			t.Errorf("%s: %s, %v", entry, key, err)
		}
	}
	for _, entry := range []string{
		"", ":", hash, "booking", "booking:", ":" + hash, "admin:" + hash, "booking+:" + hash, "Booking:" + hash,
		"booking:" + hash[1:], "booking:" + hash + "00", "booking:" + bookingKey, bookingKey + ":" + hash,
		"booking:" + hash + ":", "booking:" + hash + ":a b", "booking:" + hash + ":a\nb", "booking:" + hash + ":a#b",
	} {
		key, err := handlers.ParseAPIKey(entry)
		if err == nil {
			t.Errorf("%q was taken as %s", entry, key)
		} else if strings.Contains(err.Error(), bookingKey) || strings.Contains(err.Error(), hash) {
			t.Errorf("the error tells what may be a secret: %v", err)
		}
	}
}
