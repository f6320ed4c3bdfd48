package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"boxoffice/store"
)

// freshness is for how long what was found out about Redis is answered again: probes
// may come as often as they like, and cost Redis one question a second.
const freshness = time.Second

// watcher keeps an eye on Redis: it knows its health, and logs when that changes.
type watcher struct {
	ask     func(context.Context) store.Health
	timeout time.Duration // for an answer
	log     *logrus.Logger

	asking chan struct{} // holds one while Redis is asked
	mutex  sync.Mutex
	last   store.Health
	at     time.Time
}

func newWatcher(ask func(context.Context) store.Health, timeout time.Duration, log *logrus.Logger) *watcher {
	return &watcher{ask: ask, timeout: timeout, log: log, asking: make(chan struct{}, 1)}
}

// health returns what is known of Redis, and asks if that is too old. Those who come
// while it is asked share the answer.
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

// check asks Redis, unless somebody does: then it waits for that.
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
	// Others get this answer too, so it must not end with the one who asked.
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.timeout)
	defer cancel()
	found := w.ask(asking)
	w.tell(known, found)
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.last, w.at = found, time.Now()
	return found
}

// tell logs what has changed.
func (w *watcher) tell(before, now store.Health) {
	for _, problem := range now.Problems {
		if !slices.Contains(before.Problems, problem) {
			w.log.Error("not ready: " + problem)
		}
	}
	for _, warning := range now.Warnings {
		if !slices.Contains(before.Warnings, warning) {
			w.log.Warn(warning)
		}
	}
	if now.Ready() && !before.Ready() {
		w.log.Info("ready again: Redis takes bookings")
	}
	if len(now.Warnings) == 0 && len(before.Warnings) > 0 && now.Ready() {
		w.log.Info("Redis is set up to keep bookings again")
	}
}

// run checks at every interval; soon after calls found the store degraded, as in a
// failover; and, while Redis takes no bookings, until it does.
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
