package store

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// DurabilityWarnings asks every master for settings that lose bookings, and returns
// one sentence for each it finds, sorted. Where the provider forbids asking, the
// sentence says that it is not known.
func (s *Store) DurabilityWarnings(ctx context.Context) []string {
	if s.engine == EngineEmbedded {
		return []string{"the embedded engine keeps bookings in memory: they are gone on exit"}
	}
	var mutex sync.Mutex
	var warnings []string
	check := func(ctx context.Context, client *redis.Client) error {
		addr := client.Options().Addr
		if s.engine == EngineSentinel {
			addr = "the master" // its address is the client's secret
		}
		found := nodeWarnings(ctx, client)
		mutex.Lock()
		defer mutex.Unlock()
		for _, warning := range found {
			warnings = append(warnings, addr+": "+warning)
		}
		return nil
	}
	var err error
	switch client := s.client.(type) {
	case *redis.ClusterClient:
		err = client.ForEachMaster(ctx, check)
	case *redis.Client:
		err = check(ctx, client)
	}
	if err != nil {
		warnings = append(warnings, fmt.Sprintf("the masters could not be asked whether they keep bookings: %v", err))
	}
	sort.Strings(warnings)
	return warnings
}

func nodeWarnings(ctx context.Context, client *redis.Client) []string {
	info, err := client.Info(ctx).Result()
	if err != nil {
		return []string{fmt.Sprintf("it is not known whether bookings are kept here: %v", err)}
	}
	values := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			values[name] = value
		}
	}
	var warnings []string
	expect := func(name, want, warning string) {
		switch value, known := values[name]; {
		case !known:
			warnings = append(warnings, name+" is not told, so it is not known whether bookings are kept")
		case value != want:
			warnings = append(warnings, fmt.Sprintf(warning, value))
		}
	}
	expect("role", "master", "this is a %s, not a master: bookings cannot be written here")
	expect("aof_enabled", "1", "the append-only file is off (aof_enabled:%s): a restart of Redis loses bookings")
	expect("maxmemory_policy", "noeviction", "maxmemory-policy is %s, not noeviction: a full Redis throws events away")
	return warnings
}
