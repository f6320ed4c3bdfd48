package conn

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Commands that are under way at the same moment travel to a node together, in one
// pipeline: a lane sends what has gathered while the pipeline before was away. So an
// idle service adds no delay, and a busy one pays for one system call and one reply
// round for many bookings. Each caller keeps its own deadline: one that gives up is
// not waited for, and is not sent if it gave up in the queue.

// Each kind of calls has lanes of its own. Reads are not behind changes that Redis holds
// back, or that wait for replicas or a disk, and neither is behind lists.

const (
	maxBatch     = 64 // commands in a pipeline
	lanesPerNode = 4  // pipelines under way at once: some are filled while others are read
	laneShare    = 4  // of a node's connections, one in so many is the most that the pipelines of one lane use
	queueLength  = 4096

	// With appendfsync everysec, a pipeline that waits for the disk is away for up to a
	// second or two: it has to take more, and more of them have to be under way.
	maxSyncedBatch     = 256
	syncedLanesPerNode = 16
)

// lane is where commands for a node gather that can travel in one pipeline.
type lane struct {
	node           *redis.Client
	kind           Kind
	unacknowledged bool // a later change of the same master is acknowledged for them
	asking         bool // their slot is on its way to the node: ASKING goes before each
}

// waits reports whether the lane's pipelines wait for what acks ask for.
func (l lane) waits() bool { return l.kind == Change && !l.unacknowledged }

var errClosed = errors.New("the store is closed")

// request is one command, or one item of a script that does several things in one call, on
// its way.
type request struct {
	ctx            context.Context
	cmd            redis.Cmder // nil for an item: send makes the call that it travels in
	item           *item
	unacknowledged error         // the command ran, and may be undone
	done           chan struct{} // room for one, so that a lane never waits for a caller
}

// requests that got their reply serve again. Those that were given up do not: a lane
// may still have them.
var requests = sync.Pool{New: func() any { return &request{done: make(chan struct{}, 1)} }}

// batcher sends commands to nodes in batches.
type batcher struct {
	mutex  sync.RWMutex
	queues map[lane]chan *request
	closed chan struct{}
	lanes  sync.WaitGroup
	sent   func(commands int) // observes each pipeline; nil disables that
	acks   acks               // what a batch waits for; set before the first call

	contacts contacts
}

func newBatcher() *batcher {
	return &batcher{queues: map[lane]chan *request{}, closed: make(chan struct{})}
}

// do sends a command to a node and waits for its reply, as long as ctx allows. After
// an error of the context the command must not be looked at: its reply may be on the
// way still.
func (b *batcher) do(ctx context.Context, at lane, cmd redis.Cmder) error {
	return b.pass(ctx, at, cmd, nil)
}

// call is do for a script, and returns what it answered. An item whose call is refused
// because of another one travels once more, alone.
func (b *batcher) call(ctx context.Context, at lane, script *Script, keys []string, args, own []any) ([]any, error) {
	if script.Items == 0 {
		cmd := script.command(ctx, keys, args)
		if err := b.do(ctx, at, cmd); err != nil {
			return nil, err
		}
		return cmd.Slice()
	}
	one := &item{script: script, keys: keys, shared: args, args: own}
	err := b.pass(ctx, at, nil, one)
	if ctx.Err() == nil && mayConcernOthers(err) && one.joined {
		one = &item{script: script, keys: keys, shared: args, args: own, alone: true}
		err = b.pass(ctx, at, nil, one)
	}
	if err != nil {
		return nil, err
	}
	return one.answer, nil
}

func (b *batcher) pass(ctx context.Context, at lane, cmd redis.Cmder, one *item) error {
	r := requests.Get().(*request) //nolint:forcetypeassert // the pool's own
	r.ctx, r.cmd, r.item = ctx, cmd, one
	select {
	case b.queue(at) <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-b.closed:
		return errClosed
	}
	select {
	case <-r.done:
		unacknowledged := r.unacknowledged
		r.ctx, r.cmd, r.item, r.unacknowledged = nil, nil, nil, nil
		requests.Put(r)
		if err := ctx.Err(); err != nil {
			return err // it was not sent, or came back too late
		}
		if one != nil && one.err != nil {
			return one.err
		}
		if cmd != nil && cmd.Err() != nil {
			return cmd.Err()
		}
		return unacknowledged
	case <-ctx.Done():
		return ctx.Err()
	case <-b.closed:
		return errClosed
	}
}

// queue returns a lane's queue. A node that is gone leaves idle ones behind, until the
// store is closed.
func (b *batcher) queue(at lane) chan *request {
	b.mutex.RLock()
	queue := b.queues[at]
	b.mutex.RUnlock()
	if queue != nil {
		return queue
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if queue = b.queues[at]; queue == nil {
		queue = make(chan *request, queueLength)
		b.queues[at] = queue
		pipelines, most := b.size(at)
		for range pipelines {
			b.lanes.Go(func() { b.run(at, queue, most) })
		}
	}
	return queue
}

// size returns how many pipelines of a lane are under way at once, and how many commands
// travel in each. Of lists it is one: Redis answers whoever else has asked between two of
// them. No lane takes the connections that the others need, as it may be stuck.
func (b *batcher) size(at lane) (pipelines, most int) {
	pipelines, most = lanesPerNode, maxBatch
	switch {
	case at.kind == List:
		return 1, 1
	case b.acks.synced && at.waits():
		pipelines, most = syncedLanesPerNode, maxSyncedBatch
	}
	return max(1, min(pipelines, at.node.Options().PoolSize/laneShare)), most
}

func (b *batcher) run(at lane, queue chan *request, most int) {
	batch := make([]*request, 0, most)
	for {
		batch = batch[:0]
		select {
		case r := <-queue:
			batch = append(batch, r)
		case <-b.closed:
			return
		}
		for more := true; more && len(batch) < most; {
			select {
			case r := <-queue:
				batch = append(batch, r)
			default:
				more = false
			}
		}
		if b.sent != nil {
			b.sent(len(batch))
		}
		b.send(at, batch)
	}
}

// send runs a batch. Whatever happens to it as a whole, each command has its own
// error afterwards.
func (b *batcher) send(at lane, batch []*request) {
	ctx := context.Background() // the client's own timeouts bound a batch
	pipe := at.node.Pipeline()
	calls := join(batch)
	for i := range calls {
		if at.asking {
			_ = pipe.Process(ctx, redis.NewStatusCmd(ctx, "asking"))
		}
		_ = pipe.Process(ctx, calls[i].command(ctx))
	}
	unacknowledged := b.exec(ctx, pipe, at.waits())
	if at.kind == Change {
		b.contacts.answered(at.node)
	}
	for i := range calls {
		calls[i].answer()
	}
	for _, r := range batch {
		r.unacknowledged = unacknowledged
		r.done <- struct{}{}
	}
}

// exec sends a pipeline, and waits for what acks ask for if it should. Each of the
// commands has its own error afterwards.
func (b *batcher) exec(ctx context.Context, pipe redis.Pipeliner, waits bool) (unacknowledged error) {
	if !waits || !b.acks.wanted() || pipe.Len() == 0 {
		exec(ctx, pipe)
		return nil
	}
	wait := b.acks.command(ctx)
	_ = pipe.Process(ctx, wait)
	exec(ctx, pipe)
	return b.acks.check(wait)
}

// exec sends a pipeline; each of its commands has its own error afterwards. The client
// leaves them without one, and without a reply, where Redis refuses the connection itself:
// a wrong password would pass for an answer.
func exec(ctx context.Context, pipe redis.Pipeliner) {
	cmds, err := pipe.Exec(ctx)
	if err == nil || slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return cmd.Err() != nil }) {
		return
	}
	for _, cmd := range cmds {
		cmd.SetErr(err)
	}
}

func (b *batcher) close() error {
	close(b.closed)
	b.lanes.Wait()
	return nil
}
