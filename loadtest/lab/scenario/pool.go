package scenario

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

// pool holds bookings that were acknowledged, to be cancelled or looked at later. It
// is in shards with a lock each, so that connections seldom wait for each other.
type pool struct {
	shards [16]shard
	size   atomic.Int64
}

type shard struct {
	mu            sync.Mutex
	cancellations []service.Request
	_             [64]byte
}

func newPool() *pool { return &pool{} }

// keep takes in a booking that was acknowledged.
func (p *pool) keep(entry *load.Entry) {
	if entry.Kind == service.Book && entry.Acknowledged() {
		p.put(service.Request{Kind: service.Cancel, Event: entry.Event, Booking: entry.Booked, User: entry.User})
	}
}

func (p *pool) put(cancel service.Request) {
	s := &p.shards[rand.IntN(len(p.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancellations = append(s.cancellations, cancel)
	p.size.Add(1)
}

// takeCancel takes a booking out, from anywhere, to be cancelled.
func (p *pool) takeCancel(request *service.Request) bool {
	return p.pick(func(s *shard, i int) {
		*request = s.cancellations[i]
		last := len(s.cancellations) - 1
		s.cancellations[i] = s.cancellations[last]
		s.cancellations = s.cancellations[:last]
		p.size.Add(-1)
	})
}

// look asks where one of the bookings stands.
func (p *pool) look(request *service.Request) bool {
	return p.pick(func(s *shard, i int) {
		*request = s.cancellations[i]
		request.Kind = service.Lookup
	})
}

func (p *pool) pick(take func(s *shard, i int)) bool {
	first := rand.IntN(len(p.shards))
	for n := range p.shards {
		s := &p.shards[(first+n)%len(p.shards)]
		s.mu.Lock()
		if len(s.cancellations) > 0 {
			take(s, rand.IntN(len(s.cancellations)))
			s.mu.Unlock()
			return true
		}
		s.mu.Unlock()
	}
	return false
}
