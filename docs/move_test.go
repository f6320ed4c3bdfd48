package docs_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// An event moves from one shard to another while it is sold.
func testMoveExample(t *testing.T, r *runbook) {
	m := startMove(t, startMoveCluster(t), r)
	output, err := m.run(t, "", "")
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	for _, want := range []string{"[OK] All 16384 slots covered", "[OK] All nodes agree about slots configuration", "breaches: 0,"} {
		if !strings.Contains(output, want) {
			t.Errorf("no word of %q in %s", want, output)
		}
	}
	m.moved(t)
	m.sale.end()
	m.sale.sold(m.sale.store)
	t.Logf("%d bookings answered, the slowest after %s; %d of unknown outcome", len(m.sale.answered), m.sale.longest, len(m.sale.unknown))
}

// The source keeps the event until a replica of the target has it: whatever fails before
// that, the event is sold at the source as before, nothing is lost, and it can move later.
func TestMoveThatFails(t *testing.T) {
	redistest.Require(t)
	r, nodes := readRunbook(t), startMoveCluster(t)
	for name, fault := range map[string]struct {
		before string // shell code, run before the move
		atCopy string // run when the move comes to copy the event
		after  string // mends it
		full   bool   // the source takes no bookings until it is mended
		says   string
	}{
		"replica stopped before the move": {before: "kill -STOP $REPLICA_PID", after: "kill -CONT $REPLICA_PID", says: "not moved"},
		"replica stopped at the copy":     {atCopy: "kill -STOP $REPLICA_PID", after: "kill -CONT $REPLICA_PID", says: "have received the copy"},
		"move interrupted at the copy":    {atCopy: "kill -TERM $MOVE_PID", says: "not moved"},
		"the target is full": {
			before: "redis-cli -p $TO_PORT config set maxmemory 1", after: "redis-cli -p $TO_PORT config set maxmemory 0", says: "not moved",
		},
		"the source is full after the copy": {
			atCopy: "redis-cli -p $FROM_PORT config set maxmemory 1; kill -TERM $MOVE_PID",
			after:  "redis-cli -p $FROM_PORT config set maxmemory 0", full: true, says: "not moved",
		},
		"the source is thawed after the copy": { // bookings may have come since
			atCopy: `redis-cli "$@"; counters=$(redis-cli -p $FROM_PORT hget "event:{$event}" counters)
				redis-cli -p $FROM_PORT hset "event:{$event}" counters "${counters#moving|}"; exit 0`,
			says: "not moved",
		},
		"a key that is no event's": {
			before: `redis-cli -p $FROM_PORT set "other{$event}" x`, after: `redis-cli -p $FROM_PORT del "other{$event}"`, says: "the key other{",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := startMove(t, nodes, r)
			m.shell(t, fault.before)
			output, err := m.run(t, fault.atCopy, " migrate ", "patience=1")
			if err == nil || !strings.Contains(output, fault.says) {
				t.Errorf("%v, no word of %q in\n%s", err, fault.says, output)
			}
			if m.owner(t) != m.from {
				t.Errorf("the slot is with %s", m.owner(t).Addr)
			}
			if !fault.full {
				m.sale.waitForMore(50) // at the source, though the fault lasts
			}
			m.shell(t, fault.after)
			m.sale.waitForMore(50)
			if err := m.to.WaitOnline(1); err != nil {
				t.Fatal(err)
			}
			if output, err := m.run(t, "", ""); err != nil {
				t.Fatalf("it does not move later: %v\n%s", err, output)
			}
			m.moved(t)
			m.sale.end()
			m.sale.sold(m.sale.store)
		})
	}
}

// A move that is killed goes on when it is run again, wherever it was.
func TestMoveThatIsKilled(t *testing.T) {
	redistest.Require(t)
	r, nodes := readRunbook(t), startMoveCluster(t)
	m := startMove(t, nodes, r)
	const changes = `case " $* " in *" cluster nodes "* | *" getkeysinslot "* | *" keyslot "* | *" myid "* | *" config "*) ;; *)
		echo >>"$COUNT"; [ "$(wc -l <"$COUNT")" != "$KILL_AT" ] || { kill -KILL $MOVE_PID; exit 1; } ;; esac`
	const least, most = 10, 40
	for call := 1; ; call++ {
		count := filepath.Join(t.TempDir(), "count")
		_, err := m.run(t, changes, " ", "COUNT="+count, fmt.Sprintf("KILL_AT=%d", call))
		if err == nil {
			if call < least {
				t.Errorf("it was over before its change %d", call)
			}
			break
		}
		if output, err := m.run(t, "", "", "node_timeout=1500"); err != nil || call > most {
			t.Fatalf("killed before its change %d, and run again: %v\n%s", call, err, output)
		}
		m.moved(t)
		m.from, m.to = m.to, m.from
	}
	m.sale.end()
	m.sale.sold(m.sale.store)
}

// move is an event on its way from one master to another, and sold meanwhile.
type move struct {
	runbook  *runbook
	nodes    *redistest.Cluster
	from, to *redistest.Server
	sale     *sale
}

const moveMasters = 3 // each with a replica

func startMoveCluster(t *testing.T) *redistest.Cluster {
	t.Helper()
	nodes, err := redistest.StartCluster(moveMasters)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nodes.Stop)
	if err := nodes.AddReplicas(); err != nil {
		t.Fatal(err)
	}
	return nodes
}

func startMove(t *testing.T, nodes *redistest.Cluster, r *runbook) *move {
	t.Helper()
	m := &move{runbook: r, nodes: nodes}
	m.sale = startSale(t, openStore(t, store.Config{Addrs: nodes.Addrs()[:1]}))
	m.from = m.owner(t)
	for _, server := range nodes.Servers[:moveMasters] {
		if server != m.from {
			m.to = server
		}
	}
	return m
}

// owner is the master of the event's slot.
func (m *move) owner(t *testing.T) *redistest.Server {
	t.Helper()
	client := m.nodes.Servers[0].Client()
	defer func() { _ = client.Close() }()
	slot, err := client.ClusterKeySlot(context.Background(), fmt.Sprintf("{%d}", m.sale.event.Number)).Result()
	if err != nil {
		t.Fatal(err)
	}
	ranges, err := client.ClusterSlots(context.Background()).Result() //nolint:staticcheck // CLUSTER SHARDS tells no more here
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range ranges {
		for _, server := range m.nodes.Servers {
			if int64(one.Start) <= slot && slot <= int64(one.End) && one.Nodes[0].Addr == server.Addr {
				return server
			}
		}
	}
	t.Fatalf("slot %d has no master", slot)
	return nil
}

// run runs the example. Shell code is run before each call of redis-cli whose arguments
// have a text in them: MOVE_PID is the example's process there.
func (m *move) run(t *testing.T, code, at string, variables ...string) (string, error) {
	t.Helper()
	variables = append(m.variables(t), variables...)
	if code != "" {
		dir := t.TempDir()
		text := "#!/usr/bin/env bash\nPATH=$REAL_PATH\ncase \" $* \" in *\"" + at + "\"*)\n" + code + "\n;; esac\nexec redis-cli \"$@\"\n"
		if err := os.WriteFile(filepath.Join(dir, "redis-cli"), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		path := m.runbook.path(t)
		variables = append(variables, "REAL_PATH="+path, "PATH="+dir+string(os.PathListSeparator)+path)
	}
	return m.runbook.try(t, "export MOVE_PID=$$\n"+m.runbook.examples["Moving a hot event"], variables...)
}

// shell runs code with the variables of the move.
func (m *move) shell(t *testing.T, code string) {
	t.Helper()
	if output, err := m.runbook.try(t, code, m.variables(t)...); err != nil {
		t.Fatalf("%s: %v\n%s", code, err, output)
	}
}

func (m *move) variables(t *testing.T) []string {
	t.Helper()
	replica := m.to
	for i, server := range m.nodes.Servers[:moveMasters] {
		if server == m.to {
			replica = m.nodes.Servers[moveMasters+i]
		}
	}
	event := m.sale.event
	return []string{
		"node=" + m.from.Addr, "to=" + m.to.Addr, fmt.Sprintf("event=%d", event.Number),
		"FROM_PORT=" + portOf(t, m.from.Addr), "TO_PORT=" + portOf(t, m.to.Addr),
		"TO_PID=" + strconv.Itoa(m.to.Pid()), "REPLICA_PID=" + strconv.Itoa(replica.Pid()),
	}
}

// moved makes sure that the event is sold at the target, that no other master has it, and
// that no setting stays changed.
func (m *move) moved(t *testing.T) {
	t.Helper()
	m.sale.waitForMore(50)
	for _, server := range m.nodes.Servers[:moveMasters] {
		if here := holds(t, server, m.sale.event.Number); here != (server == m.to) {
			t.Errorf("%s has the event: %t, it was to move to %s", server.Addr, here, m.to.Addr)
		}
		client := server.Client()
		timeout, err := client.ConfigGet(context.Background(), "cluster-node-timeout").Result()
		_ = client.Close()
		if err != nil || timeout["cluster-node-timeout"] != "1500" {
			t.Errorf("%s has %v afterwards, %v", server.Addr, timeout, err)
		}
	}
}

func holds(t *testing.T, server *redistest.Server, number uint64) bool {
	t.Helper()
	client := server.Client()
	defer func() { _ = client.Close() }()
	keys, err := client.Keys(context.Background(), fmt.Sprintf("*:{%d}", number)).Result()
	if err != nil && !redis.HasErrorPrefix(err, "MOVED") {
		t.Fatal(err)
	}
	return len(keys) > 0
}
