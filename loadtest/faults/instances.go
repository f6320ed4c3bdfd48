package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"boxoffice/loadtest/faults/history"
	"boxoffice/store"
)

// instances are several instances of the service, in this process. A client sends a
// request to the first, and repeats it at the next, and so on: the others see nothing but
// repetitions. Their connections have then written nothing that the replicas lack, so a
// WAIT that covers only what its own connection wrote returns at once.
type instances struct {
	stores []*store.Store

	mutex    sync.Mutex
	attempts map[history.Call]int // at each request so far
}

func openInstances(ctx context.Context, config store.Config, count int) (*instances, error) {
	all := &instances{attempts: map[history.Call]int{}}
	for range count {
		one, err := openStore(ctx, config)
		if err != nil {
			return nil, errors.Join(err, all.close())
		}
		all.stores = append(all.stores, one)
	}
	return all, nil
}

func (all *instances) close() (err error) {
	for _, one := range all.stores {
		err = errors.Join(err, one.Close())
	}
	return err
}

func (all *instances) do(ctx context.Context, call history.Call) history.Attempt {
	return directly{all.next(call)}.do(ctx, call)
}

// next returns the instance whose turn it is to be sent the request.
func (all *instances) next(call history.Call) *store.Store {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	attempt := all.attempts[call]
	all.attempts[call]++
	return all.stores[attempt%len(all.stores)]
}

// repeating clients repeat a request some times while a replica stands still. An attempt
// lasts long enough for a WAIT to end, which takes 200 to 300 ms.
func repeating(random *rand.Rand) time.Duration {
	const shortest, spread = 250 * time.Millisecond, 200 * time.Millisecond
	return shortest + time.Duration(random.Int64N(int64(spread)))
}
