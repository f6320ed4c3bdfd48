package scenario

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

// pool holds bookings that were acknowledged, to be cancelled or looked at later. It
// is several bags with a lock each, so that connections seldom wait for each other.
type pool struct {
	bags [16]bag
	size atomic.Int64
}

type bag struct {
	mu   sync.Mutex
	held []service.Request // cancellations to be sent
	_    [64]byte
}

func newPool() *pool { return &pool{} }

// keep takes in a booking that was acknowledged.
func (p *pool) keep(entry *load.Entry) {
	if entry.Kind == service.Book && entry.Acknowledged() {
		p.put(service.Request{Kind: service.Cancel, Event: entry.Event, Booking: entry.Booked, User: entry.User})
	}
}

func (p *pool) put(cancel service.Request) {
	b := &p.bags[rand.IntN(len(p.bags))]
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = append(b.held, cancel)
	p.size.Add(1)
}

// takeCancel takes a booking out, from anywhere, to be cancelled.
func (p *pool) takeCancel(request *service.Request) bool {
	return p.pick(func(b *bag, i int) {
		*request = b.held[i]
		last := len(b.held) - 1
		b.held[i] = b.held[last]
		b.held = b.held[:last]
		p.size.Add(-1)
	})
}

// look asks where one of the bookings stands.
func (p *pool) look(request *service.Request) bool {
	return p.pick(func(b *bag, i int) {
		*request = b.held[i]
		request.Kind = service.Lookup
	})
}

func (p *pool) pick(with func(b *bag, i int)) bool {
	first := rand.IntN(len(p.bags))
	for n := range p.bags {
		b := &p.bags[(first+n)%len(p.bags)]
		b.mu.Lock()
		if len(b.held) > 0 {
			with(b, rand.IntN(len(b.held)))
			b.mu.Unlock()
			return true
		}
		b.mu.Unlock()
	}
	return false
}
