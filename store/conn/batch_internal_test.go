package conn

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"boxoffice/store/redistest"
)

// gate is a hook that holds pipelines back until it is opened, and remembers what
// was in them.
type gate struct {
	arrived chan int // commands in a pipeline that came to the gate
	open    chan struct{}
	mutex   sync.Mutex
	sent    []string
}

func (g *gate) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (g *gate) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (g *gate) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		g.arrived <- len(cmds)
		<-g.open
		g.mutex.Lock()
		for _, cmd := range cmds {
			g.sent = append(g.sent, fmt.Sprint(cmd.Args()[1]))
		}
		g.mutex.Unlock()
		return next(ctx, cmds)
	}
}

func newGate(t *testing.T) (*gate, *redis.Client) {
	t.Helper()
	g := &gate{arrived: make(chan int, 1000), open: make(chan struct{})}
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr(), PoolSize: laneShare * lanesPerNode})
	client.AddHook(g)
	t.Cleanup(func() { _ = client.Close() })
	return g, client
}

func echo(ctx context.Context, text string) *redis.StringCmd {
	return redis.NewStringCmd(ctx, "echo", text)
}

// While pipelines are away others gather, travel together, and each caller gets its
// own reply.
func TestCommandsTravelTogether(t *testing.T) {
	g, client := newGate(t)
	b := newBatcher()
	defer func() { _ = b.close() }()
	const count = lanesPerNode * 40
	var callers sync.WaitGroup
	call := func(i int) {
		cmd := echo(context.Background(), strconv.Itoa(i))
		if err := b.do(context.Background(), lane{node: client, kind: Change}, cmd); err != nil || cmd.Val() != strconv.Itoa(i) {
			t.Errorf("command %d: %q, %v", i, cmd.Val(), err)
		}
	}
	for i := range lanesPerNode { // one for each lane: none has to wait
		callers.Go(func() { call(i) })
		if got := <-g.arrived; got != 1 {
			t.Errorf("%d commands in a pipeline of an idle service", got)
		}
	}
	for i := lanesPerNode; i < count; i++ {
		callers.Go(func() { call(i) })
	}
	redistest.WaitUntil(t, func() bool { return len(b.queue(lane{node: client, kind: Change})) == count-lanesPerNode })
	close(g.open)
	callers.Wait()
	close(g.arrived)
	pipelines := 0
	for size := range g.arrived {
		pipelines++
		if size > maxBatch {
			t.Errorf("%d commands in a pipeline, at most %d are allowed", size, maxBatch)
		}
	}
	if pipelines > lanesPerNode+count/10 {
		t.Errorf("%d commands travelled in %d pipelines", count-lanesPerNode, pipelines)
	}
}

// A caller that gives up is let go at once; what it had not sent is never sent.
func TestCallerGivesUp(t *testing.T) {
	g, client := newGate(t)
	b := newBatcher()
	defer func() { _ = b.close() }()
	var callers sync.WaitGroup
	away, leave := context.WithCancel(context.Background())
	for range lanesPerNode {
		callers.Go(func() {
			if err := b.do(away, lane{node: client, kind: Change}, echo(away, "away")); !errors.Is(err, context.Canceled) {
				t.Errorf("a caller that gave up while its command was away: %v", err)
			}
		})
		<-g.arrived
	}
	queued, quit := context.WithCancel(context.Background())
	callers.Go(func() {
		if err := b.do(queued, lane{node: client, kind: Change}, echo(queued, "queued")); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller that gave up in the queue: %v", err)
		}
	})
	redistest.WaitUntil(t, func() bool { return len(b.queue(lane{node: client, kind: Change})) == 1 })
	quit()
	leave()
	callers.Wait() // the gate is shut still

	close(g.open)
	if err := b.do(context.Background(), lane{node: client, kind: Change}, echo(context.Background(), "last")); err != nil {
		t.Error(err)
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for _, text := range g.sent {
		if text == "queued" {
			t.Error("a command was sent after its caller had given up")
		}
	}
}

func TestClosedBatcherTakesNothing(t *testing.T) {
	g, client := newGate(t)
	close(g.open)
	b := newBatcher()
	if err := b.do(context.Background(), lane{node: client, kind: Change}, echo(context.Background(), "x")); err != nil {
		t.Fatal(err)
	}
	if err := b.close(); err != nil {
		t.Fatal(err)
	}
	// The queue still takes it, and nobody would ever answer.
	if err := b.do(context.Background(), lane{node: client, kind: Change}, echo(context.Background(), "x")); !errors.Is(err, errClosed) {
		t.Errorf("after close: %v", err)
	}
}

// Whoever gets the first answer of a change after an outage knows of the outage by then.
func TestAnOutageIsKnownBeforeTheAnswer(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	defer func() { _ = client.Close() }()
	b := newBatcher()
	defer func() { _ = b.close() }()
	known := false
	found := func() { known = true }
	ping := func(kind Kind) (knows bool) {
		t.Helper()
		known = false
		if err := b.do(t.Context(), lane{node: client, kind: kind}, redis.NewCmd(t.Context(), "PING")); err != nil {
			t.Fatal(err)
		}
		return known
	}
	long := int64(contactLost) + 1
	if b.contacts.at(client).Store(elapsed() - long); ping(Change) {
		t.Error("nobody asked for outages, and one was found")
	}
	b.contacts.found.Store(&found)
	if !ping(Change) {
		t.Error("the answer came before the outage was known")
	}
	if ping(Read) {
		t.Error("a read that is answered says nothing about changes")
	}
	if b.contacts.made(client); ping(Change) {
		t.Error("an outage was found just after the master accepted changes")
	}
}
