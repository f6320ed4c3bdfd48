package handlers_test

import (
	"sync"
	"testing"

	"boxoffice/handlers"
)

// Keys that are replaced while requests come: one that is taken out opens nothing from then
// on, one that stays opens always, and without any nobody is served.
func TestKeysAreReplaced(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{}, withKeys(t))
	both := apiKey(t, "organizer+booking", bothKey)
	c.get("/status/1").is(401, `{}`)
	c.send("GET", "/status/1", "", bearer(bookingKey)).is(200, `{}`)
	c.send("GET", "/status/1", "", bearer(unknownKey)).is(401, `{}`)

	stop := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				c.send("GET", "/status/1", "", bearer(bothKey)).is(200, `{}`)
				c.send("GET", "/status/1", "").is(401, `{}`)
			}
		}
	})
	for range 200 {
		c.api.SetAPIKeys([]handlers.APIKey{both})
		c.send("GET", "/status/1", "", bearer(bookingKey)).is(401, `{}`)
		c.api.SetAPIKeys([]handlers.APIKey{apiKey(t, "booking", bookingKey), both})
		c.send("GET", "/status/1", "", bearer(bookingKey)).is(200, `{}`)
	}
	close(stop)
	asking.Wait()

	c.api.SetAPIKeys([]handlers.APIKey{apiKey(t, "organizer", unknownKey), apiKey(t, "metrics", bookingKey)})
	c.send("GET", "/status/1", "", bearer(unknownKey)).is(200, `{}`)
	c.send("GET", "/status/1", "", bearer(bookingKey)).is(403, `{}`)
	c.api.SetAPIKeys(nil)
	c.reach(localRequest{}, "GET", "/status/1", "").is(401, `{}`)
}

// A key that stays has used what it has used; a new one starts anew.
func TestReplacedKeysKeepTheirRate(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{}, withKeys(t), limitedTo(1e-9))
	c.send("GET", "/status/1", "", bearer(bookingKey)).is(200, `{}`)
	c.api.SetAPIKeys([]handlers.APIKey{apiKey(t, "booking", unknownKey), apiKey(t, "booking+organizer", bookingKey)})
	c.send("GET", "/status/1", "", bearer(bookingKey)).is(429, `{}`)
	c.send("GET", "/status/1", "", bearer(unknownKey)).is(200, `{}`)
	c.send("GET", "/status/1", "", bearer(unknownKey)).is(429, `{}`)
}
