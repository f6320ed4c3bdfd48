package conn

import (
	"fmt"
	"strconv"
	"strings"
)

// judge says what a node's INFO means for bookings.
func judge(info map[string]string, acks acks) Health {
	var h Health
	for _, name := range []string{"role", "aof_enabled", "maxmemory_policy"} {
		if info[name] == "" {
			h.Add(Condition{Kind: DurabilityUnknown, Detail: "INFO does not report " + name + ", so it is unknown whether bookings are durable"})
		}
	}
	if role := info["role"]; role != "" && role != "master" {
		h.Add(Condition{ReadOnly, fmt.Sprintf("the node is a replica (role:%s), not a master: it accepts no changes", role), true})
	}
	if info["loading"] == "1" {
		h.Add(Condition{Loading, "Redis is loading its data", true})
	}
	if info["aof_enabled"] == "0" {
		h.Add(Condition{Kind: AOFOff, Detail: "the append-only file is off (aof_enabled:0): bookings are lost when Redis restarts"})
	}
	if info["aof_last_write_status"] == "err" {
		h.Add(Condition{DiskFailed, "the append-only file cannot be written (aof_last_write_status:err): Redis refuses changes", true})
	}
	if policy := info["maxmemory_policy"]; policy != "" && policy != "noeviction" {
		h.Add(Condition{
			Kind: Eviction, Detail: fmt.Sprintf("maxmemory-policy is %s, not noeviction: Redis may evict events when it is full", policy),
		})
	}
	if acks.synced {
		judgeSync(info, &h)
	}
	if acks.replicas > 0 && info["role"] == "master" {
		judgeReplicas(info, acks.replicas, &h)
	}
	return h
}

// judgeSync says whether the disk can be waited for.
func judgeSync(info map[string]string, h *Health) {
	if info["aof_enabled"] == "0" {
		h.Add(Condition{CannotSync, "DURABILITY=synced needs the append-only file, which is off: changes cannot be acknowledged", true})
	}
	if server, syncs := syncs(info); !syncs {
		h.Add(Condition{CannotSync, fmt.Sprintf("the server is %s: %v", server, ErrCannotSync), true})
	}
}

// judgeReplicas says what the number of replicas means where some must have a change.
func judgeReplicas(info map[string]string, wanted int, h *Health) {
	online, prompt := replicas(info)
	if prompt < wanted {
		h.Add(Condition{
			TooFewReplicas,
			fmt.Sprintf("%d of the %d replicas that must have a change are connected and keep up: changes cannot be acknowledged",
				prompt, wanted), true,
		})
	}
	if online > wanted { // neither sentinels nor a cluster know which replica acknowledged what
		h.Add(Condition{
			Kind: SurplusReplicas,
			Detail: fmt.Sprintf("%d replicas are connected, and only %d must have a change: a failover to another one loses "+
				"acknowledged bookings", online, wanted),
		})
	}
}

// mostLag is for how many seconds a replica may be silent and count as one that keeps up. One
// that keeps up reports each second, unless its machine is busy.
const mostLag = 3

// replicas counts the replicas that are connected, without those that are still being copied
// to, and of these the ones that keep up.
func replicas(info map[string]string) (online, prompt int) {
	for name, value := range info {
		if !strings.HasPrefix(name, "slave") || !strings.Contains(value, "state=online") {
			continue
		}
		online++
		_, lag, _ := strings.Cut(value, "lag=")
		lag, _, _ = strings.Cut(lag, ",")
		if seconds, err := strconv.Atoi(lag); err != nil || seconds <= mostLag {
			prompt++
		}
	}
	return online, prompt
}

// fields reads what INFO and CLUSTER INFO answer.
func fields(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			values[name] = value
		}
	}
	return values
}
