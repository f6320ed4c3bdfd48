package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// provider is a payment provider. It reports what came of a payment until it is told that the shop knows.
type provider struct {
	t       *testing.T
	reports []string // the status of each message, all sent at once
	before  func()   // is called before they are sent, after the payment was created

	mutex            sync.Mutex
	payments, refund []string // Idempotency-Keys
	delivered        sync.WaitGroup
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	key := r.Header.Get("Idempotency-Key")
	if strings.HasSuffix(r.URL.Path, "/refund") {
		p.refund = append(p.refund, key)
		_, _ = fmt.Fprint(w, "{}")
		return
	}
	var asked struct {
		Order     string `json:"order"`
		Webhook   string `json:"webhook"`
		ExpiresAt string `json:"expiresAt"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Order != "order-7" || asked.ExpiresAt == "" {
		p.t.Errorf("the payment is for %+v, %v", asked, err)
	}
	p.payments = append(p.payments, key)
	_, _ = fmt.Fprint(w, `{"id":"pay-1","url":"http://provider.example/pay-1"}`)
	p.delivered.Go(func() {
		p.before()
		for _, status := range p.reports {
			p.delivered.Go(func() { p.deliver(asked.Webhook, status) })
		}
	})
}

func (p *provider) deliver(webhook, status string) {
	const tries = 100
	for range tries {
		message := strings.NewReader(fmt.Sprintf(`{"id":"pay-1","status":%q}`, status))
		response, err := http.Post(webhook, "application/json", message)
		if err != nil {
			return // a second message, and the first one has settled it
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.t.Errorf("the shop does not settle %q", status)
}

// The selling example of docs/clients.md: whatever the customer, the network and the clock do, a customer
// has either the ticket or the money.
func TestSellingExample(t *testing.T) {
	t.Parallel()
	e := readExamples(t)
	needs(t, "sh", "node", "go")
	binary := filepath.Join(t.TempDir(), "boxoffice")
	if output, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	service := service(t, binary, "REDIS_HOST=", "REDIS_ADDRS=", "AUTH=off")
	for name, test := range map[string]struct {
		reports []string
		seconds int     // of a hold
		late    bool    // the customer pays after the deadline
		waits   bool    // somebody is in line
		spoil   spoiler // what becomes of the first call to path
		path    string

		prints, status string
		refunds        int
	}{
		"paid":           {reports: []string{"paid"}, prints: "sold", status: "Confirmed"},
		"reported twice": {reports: []string{"paid", "paid"}, prints: "sold", status: "Confirmed"},
		"the hold is answered 503": {
			reports: []string{"paid"}, path: "/hold", spoil: spoilers["503 after it was carried out"], prints: "sold", status: "Confirmed",
		},
		"the confirmation's answer is lost": {
			reports: []string{"paid"}, path: "/confirm", spoil: spoilers["the answer is lost"], prints: "sold", status: "Confirmed",
		},
		"paid late, nobody waits": {reports: []string{"paid"}, seconds: 1, late: true, prints: "sold, late", status: "Confirmed"},
		"paid late, somebody waits": {
			reports: []string{"paid"}, seconds: 1, late: true, waits: true, prints: "refunded, hold_expired", status: "Expired", refunds: 1,
		},
		"the customer leaves":      {reports: []string{"cancelled"}, waits: true, prints: "released", status: "Cancelled"},
		"the customer leaves late": {reports: []string{"cancelled"}, seconds: 1, late: true, prints: "released", status: "Expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := selling{t: t, service: service}
			s.event = s.post("/api/events/initialize", fmt.Sprintf(
				`{"eventName":"Opening night","totalTickets":1,"holdSeconds":%d}`, cmp.Or(test.seconds, 900)))["eventId"]
			bank := &provider{t: t, reports: test.reports, before: func() {
				held := s.bookings()[0].BookingID
				if test.waits {
					s.post("/api/events/book", fmt.Sprintf(`{"eventId":%q,"userId":"bob"}`, s.event))
				}
				for test.late && s.booking(held) != "Expired" {
					time.Sleep(20 * time.Millisecond)
				}
			}}
			provider := httptest.NewServer(bank)
			defer provider.Close()
			target, err := url.Parse(service)
			if err != nil {
				t.Fatal(err)
			}
			between := proxy{path: test.path, spoil: test.spoil}
			if test.path == "" {
				between.path = "/nothing"
			}
			shop := httptest.NewServer(between.serve(target))
			defer shop.Close()

			const patience = 2 * time.Minute
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			command := exec.CommandContext(ctx, "sh", "-euc", e.commands["sell.mjs"])
			command.Dir = e.save(t)
			command.Env = append(os.Environ(), "BOXOFFICE_URL="+shop.URL, "PROVIDER_URL="+provider.URL, "EVENT="+s.event)
			var out, errors bytes.Buffer
			command.Stdout, command.Stderr = &out, &errors
			if err := command.Run(); err != nil {
				t.Fatalf("%v\n%s\n%s", err, out.String(), errors.String())
			}
			bank.delivered.Wait()

			mine := s.bookings()[len(s.bookings())-1]
			if want := test.prints + ": " + mine.BookingID; !strings.Contains(out.String(), want) || mine.Status != test.status {
				t.Errorf("want %q and %s, it printed:\n%s\n%s, and is %s", want, test.status, out.String(), errors.String(), mine.Status)
			}
			if len(bank.refund) != test.refunds || len(bank.payments) != 1 {
				t.Errorf("%d payments and %d refunds, want 1 and %d", len(bank.payments), len(bank.refund), test.refunds)
			}
			if others := s.bookings(); test.waits && (len(others) != 2 || others[0].Status != "Confirmed") {
				t.Errorf("who waited has %+v", others)
			}
		})
	}
}

// selling is an event that the example sells.
type selling struct {
	t              *testing.T
	service, event string
}

type soldBooking struct{ BookingID, Status string }

func (s *selling) post(path, body string) map[string]string {
	s.t.Helper()
	response, err := http.Post(s.service+path, "application/json", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	var answer map[string]any
	s.decode(response, &answer)
	texts := map[string]string{}
	for name, value := range answer {
		texts[name] = fmt.Sprint(value)
	}
	return texts
}

// bookings are those of the event, the newest first.
func (s *selling) bookings() []soldBooking {
	s.t.Helper()
	var list struct{ Bookings []soldBooking }
	s.get("/api/events/"+s.event+"/bookings", &list)
	return list.Bookings
}

func (s *selling) booking(id string) (status string) {
	s.t.Helper()
	var found soldBooking
	s.get("/api/bookings/"+id, &found)
	return found.Status
}

func (s *selling) get(path string, into any) {
	s.t.Helper()
	response, err := http.Get(s.service + path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.decode(response, into)
}

func (s *selling) decode(response *http.Response, into any) {
	s.t.Helper()
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil || response.StatusCode >= 300 {
		s.t.Fatalf("%s %d, %v", response.Request.URL.Path, response.StatusCode, err)
	}
}
