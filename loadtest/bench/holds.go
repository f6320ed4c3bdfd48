package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"boxoffice/scripts"
	"boxoffice/store"
	"boxoffice/store/redistest"
)

// holds measures checkouts over HTTP: tickets are held and confirmed, or held and left to expire.
func (b *bench) holds(ctx context.Context) error {
	r, err := startRig(ctx)
	if err != nil {
		return err
	}
	defer r.stop()
	service, err := startBoxoffice(ctx, r.server.Addr)
	if err != nil {
		return err
	}
	defer service.stop()
	shop := newShop(service.url)

	event, _, err := r.event(ctx, 1_000_000_000)
	if err != nil {
		return err
	}
	pairs, err := shop.during(b.span*2, func(user string) error {
		held, err := shop.hold(event, user, 60)
		if err == nil {
			err = shop.post("/api/bookings/"+held+"/confirm", map[string]any{"userId": user}, http.StatusOK, nil)
		}
		return err
	})
	if err != nil {
		return err
	}
	b.add(figure{"hold, then confirm: pairs a second", pairs, "/s", 977, true,
		fmt.Sprintf("two requests over HTTP each, %d connections; the target is the best published rate of reserve and commit", shopConnections)})

	// Every ticket is held for a second, then expires, and the next hold takes it.
	tickets := 20 * shopConnections
	event, _, err = r.event(ctx, tickets)
	if err != nil {
		return err
	}
	churn, err := shop.during(b.span*4, func(user string) error {
		if _, err := shop.hold(event, user, 1); err != nil && !errors.Is(err, errSoldOut) {
			return err
		} else if err != nil {
			return errPaused
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.add(figure{"hold, expire, hold again: holds a second / tickets", churn / float64(tickets), "x", 0.5, true,
		fmt.Sprintf("%.0f holds of a second on %d tickets, nobody confirms; 1 x would be a ticket that is never free", churn, tickets)})
	return nil
}

const shopConnections = 64

// shop is a client over HTTP.
type shop struct {
	url    string
	client *http.Client
	users  atomic.Int64
}

var (
	errSoldOut = errors.New("sold out")
	errPaused  = errors.New("not counted, and a moment to rest")
)

func newShop(url string) *shop {
	return &shop{url: url, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: shopConnections}}}
}

// during does something for new users over all connections, and returns how often in a second.
func (s *shop) during(span time.Duration, do func(user string) error) (float64, error) {
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	began := time.Now()
	for range shopConnections {
		group.Go(func() {
			for time.Since(began) < span && failed.Load() == nil {
				switch err := do("u" + strconv.FormatInt(s.users.Add(1), 10)); {
				case errors.Is(err, errPaused):
					time.Sleep(20 * time.Millisecond)
				case err != nil:
					failed.CompareAndSwap(nil, &err)
				default:
					done.Add(1)
				}
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(done.Load()) / time.Since(began).Seconds(), nil
}

func (s *shop) hold(event store.EventRef, user string, seconds int) (booking string, err error) {
	var held struct{ BookingID string }
	body := map[string]any{"eventId": event.UUID(), "userId": user, "seconds": seconds}
	return held.BookingID, s.post("/api/events/hold", body, http.StatusCreated, &held)
}

func (s *shop) post(path string, body any, want int, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	response, err := s.client.Post(s.url+path, "application/json", bytes.NewReader(text)) //nolint:noctx // it ends with the benchmark
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	var answer json.RawMessage
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	switch {
	case response.StatusCode == want && into != nil:
		return json.Unmarshal(answer, into)
	case response.StatusCode == want:
		return nil
	case response.StatusCode == http.StatusConflict && bytes.Contains(answer, []byte(`"sold_out"`)):
		return errSoldOut
	}
	return fmt.Errorf("%s answered %d %s", path, response.StatusCode, answer)
}

// expiry measures many holds that end in the same second on an event for which as many wait, and
// what that does to the bookings of other events.
func (b *bench) expiry(ctx context.Context) error {
	r, err := startRig(ctx)
	if err != nil {
		return err
	}
	defer r.stop()
	count := b.million / 10
	event, number, err := r.event(ctx, count)
	if err != nil {
		return err
	}
	other, _, err := r.event(ctx, 1_000_000_000)
	if err != nil {
		return err
	}
	working, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { r.Work(working, time.Minute) })
	defer work.Wait()
	defer stop()
	ends, err := r.holdAll(ctx, event, number, count)
	if err != nil {
		return err
	}
	usual, err := b.bookMeanwhile(ctx, r, other, func() bool { return time.Until(ends) < 0 })
	if err != nil {
		return err
	}
	if err := r.client.Do(ctx, "SLOWLOG", "RESET").Err(); err != nil {
		return err
	}
	var given time.Duration
	during, err := b.bookMeanwhile(ctx, r, other, func() bool {
		now, err := r.Event(ctx, event)
		given = time.Since(ends.Add(time.Second))
		return err != nil || now.Waiting <= 1 || given > time.Minute
	})
	if err != nil {
		return err
	}
	calls, err := r.slowScripts(ctx)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%d holds end in one second, %d wait", count, count)
	b.add(figure{"after the last deadline of many, until all tickets are given", given.Seconds(), "s", 5, false, what})
	b.add(figure{"longest call of a script meanwhile", calls[len(calls)-1], "ms", 2, false,
		fmt.Sprintf("of %d that took more than 0.1 ms; their p99 %.2f, median %.2f ms", len(calls), calls[len(calls)*99/100], median(calls))})
	b.add(figure{"p99 of another event's bookings meanwhile / usually", during / usual, "x", 2, false,
		fmt.Sprintf("%.2f ms; usually %.2f ms; eight callers, one after the other", during, usual)})
	return nil
}

// holdAll holds all tickets of an event, with deadlines in the second after ends, and puts as many
// bookings in line.
func (r *rig) holdAll(ctx context.Context, event store.EventRef, number uint64, count int) (ends time.Time, err error) {
	if _, err := r.Hold(ctx, store.HoldRequest{Event: event, User: "first", Quantity: 1}); err != nil { // the worker knows the event now
		return ends, err
	}
	began := time.Now()
	seconds := 10 + count/5000 // to make them, and to measure others meanwhile
	if err := r.send(ctx, scripts.Hold, number, count-1, depth, func(i int) []any {
		args := holdArguments(i)
		args[1], args[7] = began.UnixMilli()+int64(i%1000), seconds
		return args
	}); err != nil {
		return ends, err
	}
	if err := r.send(ctx, scripts.Book, number, count, depth, func(i int) []any { return bookArguments(count + i) }); err != nil {
		return ends, err
	}
	for setting, value := range map[string]string{"slowlog-log-slower-than": "100", "slowlog-max-len": "100000"} {
		if err := r.client.ConfigSet(ctx, setting, value).Err(); err != nil {
			return ends, err
		}
	}
	ends = began.Add(time.Duration(seconds) * time.Second)
	if left := time.Until(ends); left < 2*time.Second {
		return ends, fmt.Errorf("only %s were left when all was prepared", left)
	}
	return ends, nil
}

// slowScripts returns how long the calls of scripts took that are in the slow log, in milliseconds,
// the shortest first.
func (r *rig) slowScripts(ctx context.Context) (calls []float64, err error) {
	slow, err := r.client.SlowLogGet(ctx, 100_000).Result()
	if err != nil {
		return nil, err
	}
	for _, entry := range slow {
		if strings.HasPrefix(strings.ToLower(entry.Args[0]), "evalsha") {
			calls = append(calls, float64(entry.Duration.Microseconds())/1000)
		}
	}
	if len(calls) == 0 {
		return nil, errors.New("no call took 0.1 ms: nothing was measured")
	}
	slices.Sort(calls)
	return calls, nil
}

// bookMeanwhile books of an event until something has happened, and returns the p99 in milliseconds.
func (b *bench) bookMeanwhile(ctx context.Context, r *rig, event store.EventRef, happened func() bool) (float64, error) {
	const callers = 8
	var over atomic.Bool
	var failed atomic.Pointer[error]
	took := make([][]float64, callers)
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for !over.Load() {
				began := time.Now()
				if _, err := r.Book(ctx, store.BookRequest{Event: event, User: r.user(), Quantity: 1}); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				took[i] = append(took[i], float64(time.Since(began).Microseconds())/1000)
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	for !happened() && failed.Load() == nil {
		time.Sleep(50 * time.Millisecond)
	}
	over.Store(true)
	group.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	return all[len(all)*99/100], nil
}

// prompt measures how long after its deadline a hold's ticket reaches the next in line, without any
// traffic: by the times in the records, of the same clock.
func (b *bench) prompt(ctx context.Context) error {
	r, err := startRig(ctx)
	if err != nil {
		return err
	}
	defer r.stop()
	if err := b.promptness(ctx, r, "one Redis", r.server.Addr); err != nil {
		return err
	}

	const masters = 3
	cluster, err := redistest.StartCluster(masters) //nolint:contextcheck // it takes none: Stop ends it
	if err != nil {
		return err
	}
	defer cluster.Stop()
	s, err := store.Open(ctx, store.Config{Addrs: cluster.Addrs()})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	return b.promptness(ctx, &rig{Store: s}, "a cluster of three masters", cluster.Addrs()[0])
}

// promptness is prompt, of one Redis or of a cluster that one of its addresses leads to.
func (b *bench) promptness(ctx context.Context, r *rig, where, addr string) error {
	var instances []*process
	defer func() {
		for _, one := range instances {
			one.stop()
		}
	}()
	for range 3 {
		one, err := startBoxoffice(ctx, addr)
		if err != nil {
			return err
		}
		instances = append(instances, one)
	}
	late, err := b.lateness(ctx, r, func() {})
	if err != nil {
		return err
	}
	b.add(figure{"an expired hold's ticket reaches the next in line, median", median(late), "ms", 150, false,
		fmt.Sprintf("%s, %d events, no traffic, three instances", where, len(late))})
	b.add(figure{"the same, the latest", late[len(late)-1], "ms", 1000, false, "as above"})
	// The first instance was alone at first, so it has the leases.
	late, err = b.lateness(ctx, r, func() { _ = instances[0].command.Process.Kill() })
	if err != nil {
		return err
	}
	b.add(figure{"the same, the latest, when the worker's instance is killed", late[len(late)-1] / 1000, "s", 7, false,
		fmt.Sprintf("%s, kill -9 before the deadlines; %d events, median %.0f ms", where, len(late), median(late))})
	return nil
}

// lateness is how late, in milliseconds, the next in line got a ticket whose hold had expired: of many
// events, the least first. Before the first deadline it lets something happen.
func (b *bench) lateness(ctx context.Context, r *rig, happens func()) ([]float64, error) {
	events := max(20, b.million/5000)
	const seconds = 3
	pairs := make([]struct{ held, waits uuid.UUID }, events)
	for i := range pairs {
		event, _, err := r.event(ctx, 1)
		if err != nil {
			return nil, err
		}
		held, err := r.Hold(ctx, store.HoldRequest{Event: event, User: "ann", Quantity: 1, Seconds: seconds})
		if err != nil {
			return nil, err
		}
		waits, err := r.Book(ctx, store.BookRequest{Event: event, User: "bob", Quantity: 1})
		if err != nil {
			return nil, err
		}
		pairs[i].held, pairs[i].waits = held.Booking, waits.Booking
		time.Sleep(5 * time.Millisecond)
	}
	happens()
	time.Sleep((seconds + 8) * time.Second) // nobody reads, which would help
	var late []float64
	for _, one := range pairs {
		held, err := r.Booking(ctx, one.held)
		if err != nil {
			return nil, err
		}
		waited, err := r.Booking(ctx, one.waits)
		if err != nil {
			return nil, err
		}
		if waited.Promoted.Version == 0 {
			return nil, fmt.Errorf("%s still waits", waited.ID)
		}
		late = append(late, float64(waited.Promoted.At-held.ExpiresAt))
	}
	slices.Sort(late)
	return late, nil
}
