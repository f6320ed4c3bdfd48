package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/redistest"
)

// A replica stands still, its master works on and is killed, and the replica takes over.
// What was answered meanwhile must be in its books, whether the answer was a first one, a
// repeated one or a refusal. A replica that just goes on would prove nothing: it would
// read all it had been sent from its sockets first. So its machine is reset, and comes
// back with its append-only file.

const (
	// standstill is how long a master works without its replica: enough for a request to be
	// repeated three times or more.
	standstill = 1500 * time.Millisecond

	// cutEvery is how often connections are cut meanwhile. What was under way is then
	// repeated by the instance itself, over a connection that has written nothing.
	cutEvery = 250 * time.Millisecond

	// standstillOutage is how long bookings may stand still: that, and a replica that starts
	// before it takes over.
	standstillOutage = outageLimit + standstill + time.Second
)

// standStill stops the replica while clients work with its master, whose connections
// with clients are cut now and then if asked for.
func (r *round) standStill(ctx context.Context, master, replica *redistest.Server, cutting bool) error {
	if err := waitDurable(ctx, replica); err != nil {
		return err
	}
	if err := replica.Pause(); err != nil {
		return err
	}
	over := time.Now().Add(standstill)
	for cutting && time.Until(over) > cutEvery {
		wait(ctx, cutEvery)
		if err := cutConnections(ctx, master); err != nil {
			return err
		}
	}
	wait(ctx, time.Until(over))
	return ctx.Err()
}

// cutConnections closes a server's connections with clients, but not those with replicas.
func cutConnections(ctx context.Context, server *redistest.Server) error {
	return ask(server, func(client *redis.Client) error {
		return client.ClientKillByFilter(ctx, "TYPE", "normal").Err()
	})
}

// waitDurable waits until a server's append-only file has what the server has: a replica
// that got a whole copy begins a new file, which counts when it is complete.
func waitDurable(ctx context.Context, server *redistest.Server) error {
	return until(ctx, "an append-only file", func(ctx context.Context) error {
		return ask(server, func(client *redis.Client) error {
			info, err := client.Info(ctx, "persistence").Result()
			for _, want := range []string{"aof_enabled:1", "aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0"} {
				if err == nil && !strings.Contains(info, want) {
					err = fmt.Errorf("%s is not durable yet: %s", server.Addr, info)
				}
			}
			return err
		})
	})
}

// reset ends a server that stands still, with all that was in its sockets, and starts it
// again.
func reset(server *redistest.Server) error {
	server.Kill()
	return server.Run()
}

// replicaOf returns the one replica of a master.
func replicaOf(ctx context.Context, master *redistest.Server, servers []*redistest.Server) (*redistest.Server, error) {
	_, port, _ := strings.Cut(master.Addr, ":")
	for _, server := range servers {
		var info string
		err := ask(server, func(client *redis.Client) (err error) {
			info, err = client.Info(ctx, "replication").Result()
			return err
		})
		if err != nil {
			return nil, err
		}
		if strings.Contains(info, "role:slave") && strings.Contains(info, "master_port:"+port+"\r") {
			return server, nil
		}
	}
	return nil, errors.New(master.Addr + " has no replica")
}
