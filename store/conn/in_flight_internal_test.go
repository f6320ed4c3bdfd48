package conn

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/redistest"
)

// Each kind of each master has places of its own, and there are few for lists.
func TestPlacesOfEachKind(t *testing.T) {
	here, there := redis.NewClient(&redis.Options{}), redis.NewClient(&redis.Options{})
	defer func() { _, _ = here.Close(), there.Close() }()
	for _, most := range []int64{1, 64} {
		f := inFlight{most: most}
		for _, node := range []*redis.Client{here, there, nil} {
			for _, kind := range Kinds() {
				want := map[Kind]int64{Change: most, Read: most, List: max(1, most/listShare)}[kind]
				for range want {
					if _, err := f.acquire(place{node, kind}); err != nil {
						t.Errorf("%d at most, %s: %v", most, kind, err)
					}
				}
				if _, err := f.acquire(place{node, kind}); !errors.Is(err, ErrOverloaded) {
					t.Errorf("%d at most, %s: one more: %v", most, kind, err)
				}
			}
		}
		if got, want := f.now(Change), 3*most; got != want {
			t.Errorf("%d changes are in flight, want %d", got, want)
		}
	}
}

// A lane that is stuck holds no more than its share of the connections, and of lists one
// part at a time is on its way.
func TestConnectionsOfEachLane(t *testing.T) {
	for size, want := range map[int]int{1: 1, 4: 1, 15: 3, 64: lanesPerNode} {
		client := redis.NewClient(&redis.Options{PoolSize: size})
		b := newBatcher()
		for _, kind := range []Kind{Change, Read} {
			if pipelines, _ := b.size(lane{node: client, kind: kind}); pipelines != want {
				t.Errorf("%d connections: %d pipelines of the kind %s, want %d", size, pipelines, kind, want)
			}
		}
		b.acks.synced = true
		if pipelines, _ := b.size(lane{node: client, kind: Change}); pipelines > max(1, size/laneShare) {
			t.Errorf("%d connections: %d pipelines wait for the disk", size, pipelines)
		}
		if pipelines, most := b.size(lane{node: client, kind: List}); pipelines != 1 || most != 1 {
			t.Errorf("%d pipelines of %d parts of lists", pipelines, most)
		}
		_, _ = b.close(), client.Close()
	}
}

// While a list is under way, what else is asked goes to Redis.
func TestListsKeepNobodyWaiting(t *testing.T) {
	g, client := newGate(t)
	b := newBatcher()
	defer func() { _ = b.close() }()
	defer close(g.open)
	for _, kind := range []Kind{List, List, List, Change, Read} {
		go func() {
			_ = b.do(context.Background(), lane{node: client, kind: kind}, echo(context.Background(), "x"))
		}()
	}
	for range 3 { // a list, the change and the read
		if commands := <-g.arrived; commands != 1 {
			t.Errorf("%d commands travel together", commands)
		}
	}
	redistest.WaitUntil(t, func() bool { return len(b.queue(lane{node: client, kind: List})) == 2 })
}
