package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/redistest"
)

// moveSteps are the steps of operations.md that move an event to another master.
type moveSteps struct {
	script string
	path   string // PATH: redis-cli of the servers in use, and the service's binary
}

func readMoveSteps(l *lab) (*moveSteps, error) {
	page, err := os.ReadFile(l.runbook)
	if err != nil {
		return nil, err
	}
	_, section, _ := strings.Cut(string(page), "\n## Moving a hot event\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, block, _ := strings.Cut(section, "\n```bash\n")
	script, _, found := strings.Cut(block, "\n```\n")
	if !found {
		return nil, fmt.Errorf("%s has no steps that move an event", l.runbook)
	}
	service, err := filepath.Abs(l.boxoffice)
	if err != nil {
		return nil, err
	}
	path, err := redistest.Path(filepath.Dir(service))
	return &moveSteps{script: script, path: path}, err
}

// movePatience is how long the steps wait for the target's replica.
const movePatience = 2 * time.Second

// run moves an event. Shell code is run when the steps come to copy the event.
func (m *moveSteps) run(ctx context.Context, node, to *redistest.Server, event uint64, atCopy string) (output string, err error) {
	const limit = 20 * time.Second // of steps that wait for a node which does not answer
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	folder, err := os.MkdirTemp("", "move-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	wrapper := fmt.Sprintf("#!/usr/bin/env bash\nPATH=$MOVE_PATH\n"+
		"case \" $* \" in *\" migrate \"*) %s ;; esac\nexec redis-cli \"$@\"\n", atCopy)
	if err := os.WriteFile(filepath.Join(folder, "redis-cli"), []byte(wrapper), 0o700); err != nil {
		return "", err
	}
	command := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", m.script)
	command.Dir = folder // there is no .env
	command.Env = append(os.Environ(), "MOVE_PATH="+m.path, "PATH="+folder+string(os.PathListSeparator)+m.path,
		"node="+node.Addr, "to="+to.Addr, fmt.Sprintf("event=%d", event), fmt.Sprintf("patience=%d", movePatience/time.Second))
	command.WaitDelay = time.Second // what it started may outlive it, and holds its output open
	text, err := command.CombinedOutput()
	return string(text), err
}

// moveFaults affect the master that an event has just moved to, or was to move to.
func moveFaults(ctx context.Context, l *lab) error {
	steps, err := readMoveSteps(l)
	if err != nil {
		return err
	}
	c, err := startSixNodes(ctx)
	if err != nil {
		return err
	}
	defer c.stop()

	moved := func(ctx context.Context, r *round) error {
		m, err := c.chooseMove(ctx, r)
		if err != nil {
			return err
		}
		r.moment(ctx, 500*time.Millisecond)
		output, err := steps.run(ctx, m.from, m.to, m.event, ":")
		if err != nil {
			return fmt.Errorf("the move: %w\n%s", err, output)
		}
		m.to.Kill()
		failed := c.waitPromoted(ctx, m.slot, m.to, m.from)
		return errors.Join(failed, m.to.Run(), c.waitHealthy(ctx))
	}
	refused := func(ctx context.Context, r *round) error {
		m, err := c.chooseMove(ctx, r)
		if err != nil {
			return err
		}
		r.moment(ctx, 500*time.Millisecond)
		output, err := steps.run(ctx, m.from, m.to, m.event, m.cutOff())
		if err == nil || !strings.Contains(output, "not moved") {
			r.breaches = append(r.breaches, fmt.Sprintf("event %d moved though no replica got it: %v", m.event, err))
		}
		m.to.Kill()
		failed := c.waitPromoted(ctx, m.toSlot, m.to, m.from)
		return errors.Join(failed, m.letIn(ctx), m.to.Run(), c.waitHealthy(ctx))
	}
	// While its replica is cut off, nothing is acknowledged of the events on its master.
	const cutOff = 2*movePatience + time.Second
	move := func(name string, limit time.Duration, inject func(context.Context, *round) error) fault {
		return fault{
			name: "cluster: an event moves, " + name, rounds: 4, short: 1, load: 7 * time.Second, events: 6,
			books: c.books, inject: inject, outageLimit: limit, dirtyReads: true,
		}
	}
	return l.inflict(ctx,
		move("its new master dies", outageLimit, moved),
		move("its new master is cut off and dies", outageLimit+cutOff, refused))
}

// chosenMove is an event of a round that is to move, and where from and to.
type chosenMove struct {
	event             uint64
	slot, toSlot      int // of the event; one that the target has already
	from, to, replica *redistest.Server
}

// chooseMove chooses one, and notes which events are concerned: that one, and those that
// the target has.
func (c *sixNodes) chooseMove(ctx context.Context, r *round) (*chosenMove, error) {
	m := &chosenMove{event: r.events[r.random.IntN(len(r.events))].Event}
	var err error
	if m.slot, err = slotOf(ctx, c.Servers[0], m.event); err != nil {
		return nil, err
	}
	if m.from, err = c.masterOf(ctx, m.slot, c.Servers[0]); err != nil {
		return nil, err
	}
	masters, _, err := c.masters(ctx)
	if err != nil {
		return nil, err
	}
	others := slices.DeleteFunc(masters, func(s *redistest.Server) bool { return s == m.from })
	m.to = others[r.random.IntN(len(others))]
	if err := until(ctx, "the target's replica", m.findReplica(c)); err != nil {
		return nil, err
	}
	r.affected = map[uint64]bool{}
	for _, event := range r.events {
		slot, err := slotOf(ctx, c.Servers[0], event.Event)
		if err != nil {
			return nil, err
		}
		master, err := c.masterOf(ctx, slot, c.Servers[0])
		if err != nil {
			return nil, err
		}
		r.affected[event.Event] = event.Event == m.event || master == m.to
	}
	return m, nil
}

// findReplica looks for the target's replica, as the target sees it.
func (m *chosenMove) findReplica(c *sixNodes) func(context.Context) error {
	return func(ctx context.Context) error {
		ranges, err := slotsSeenBy(ctx, m.to)
		if err != nil {
			return err
		}
		for _, one := range ranges {
			for _, server := range c.Servers {
				if one.Nodes[0].Addr == m.to.Addr && len(one.Nodes) > 1 && one.Nodes[1].Addr == server.Addr {
					m.toSlot, m.replica = one.Start, server
					return nil
				}
			}
		}
		return fmt.Errorf("%s knows no replica", m.to.Addr)
	}
}

// cutOff is shell code that cuts the target's replica off: its link breaks, and it cannot
// get in again, as it calls with a password that its master does not know.
func (m *chosenMove) cutOff() string {
	_, to, _ := net.SplitHostPort(m.to.Addr)
	_, replica, _ := net.SplitHostPort(m.replica.Addr)
	return fmt.Sprintf("{ redis-cli -p %s config set masterauth unknown; redis-cli -p %s client kill type replica; } >/dev/null", replica, to)
}

// letIn ends what cutOff began.
func (m *chosenMove) letIn(ctx context.Context) error {
	return ask(m.replica, func(client *redis.Client) error { return client.ConfigSet(ctx, "masterauth", "").Err() })
}
