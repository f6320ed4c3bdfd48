package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"boxoffice/store"
)

// freshness is how long a result of the check is reused: however often probes come, Redis
// is checked at most once a second.
const freshness = time.Second

// watcher monitors Redis: it keeps the last known health, and logs changes.
type watcher struct {
	ask     func(context.Context) store.Health
	timeout time.Duration // of one check
	log     *logrus.Logger

	asking chan struct{} // holds one element while a check runs
	mutex  sync.Mutex
	last   store.Health
	at     time.Time
}

func newWatcher(ask func(context.Context) store.Health, timeout time.Duration, log *logrus.Logger) *watcher {
	return &watcher{ask: ask, timeout: timeout, log: log, asking: make(chan struct{}, 1)}
}

// health returns the last known health of Redis, and checks again if that is too old.
// Concurrent callers share one check.
func (w *watcher) health(ctx context.Context) store.Health {
	if known, fresh := w.known(); fresh {
		return known
	}
	return w.check(ctx)
}

func (w *watcher) known() (health store.Health, fresh bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.last, time.Since(w.at) < freshness
}

// check checks Redis. If a check is under way, it waits for that one instead.
func (w *watcher) check(ctx context.Context) store.Health {
	began := time.Now()
	select {
	case w.asking <- struct{}{}:
		defer func() { <-w.asking }()
	case <-ctx.Done():
		known, _ := w.known()
		return known
	}
	w.mutex.Lock()
	known, at := w.last, w.at
	w.mutex.Unlock()
	if at.After(began) {
		return known
	}
	// Other callers share this check, so it must not end with the context of this one.
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.timeout)
	defer cancel()
	found := w.ask(asking)
	w.logChanges(known, found)
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.last, w.at = found, time.Now()
	return found
}

// logChanges logs each condition once when it begins and once when it ends.
func (w *watcher) logChanges(before, now store.Health) {
	begun := missing(before, now)
	for _, one := range begun {
		if line := w.log.WithField("kind", one.Kind); one.Blocks {
			line.Error("not ready: " + one.Detail)
		} else {
			line.Warn(one.Detail)
		}
	}
	for _, one := range missing(now, before) {
		if slices.ContainsFunc(begun, func(other store.Condition) bool { return other.Kind == one.Kind }) {
			continue // it goes on with other words
		}
		w.log.WithField("kind", one.Kind).Info("over: " + one.Detail)
	}
	if now.Ready() && !before.Ready() {
		w.log.Info("ready again: Redis takes bookings")
	}
}

// missing returns the conditions of other that h lacks.
func missing(h, other store.Health) []store.Condition {
	return slices.DeleteFunc(slices.Clone(other.Conditions), func(one store.Condition) bool {
		return slices.Contains(h.Conditions, one)
	})
}

// run checks at every interval, soon after a call found the store degraded (as in a
// failover), and more often while Redis takes no bookings.
func (w *watcher) run(ctx context.Context, interval time.Duration, degraded <-chan struct{}) {
	soon := min(freshness, interval)
	timer := time.NewTimer(interval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-degraded:
			timer.Reset(soon)
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
		}
		if w.check(ctx).Ready() {
			timer.Reset(interval)
		} else {
			timer.Reset(soon)
		}
	}
}
