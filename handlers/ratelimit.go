package handlers

import (
	"net"
	"net/http"
	"sync"

	"golang.org/x/time/rate"
)

// maxLimiters bounds the memory of limiters: two generations of this many clients.
const maxLimiters = 10_000

// limiters keeps one limiter for each client that was seen lately.
type limiters struct {
	mutex    sync.Mutex
	rate     rate.Limit
	burst    int
	young    map[string]*rate.Limiter
	old      map[string]*rate.Limiter
	capacity int
}

func newLimiters(perSecond float64) *limiters {
	return &limiters{
		rate:     rate.Limit(perSecond),
		burst:    max(1, int(perSecond)),
		young:    map[string]*rate.Limiter{},
		capacity: maxLimiters,
	}
}

// allow tells whether the client may send one more request now. When the young
// generation is full it becomes the old one, and those who were not seen since the
// last time are forgotten.
func (l *limiters) allow(client string) bool {
	l.mutex.Lock()
	limiter, found := l.young[client]
	if !found {
		if limiter, found = l.old[client]; !found {
			limiter = rate.NewLimiter(l.rate, l.burst)
		}
		if len(l.young) >= l.capacity {
			l.old, l.young = l.young, map[string]*rate.Limiter{}
		}
		l.young[client] = limiter
	}
	l.mutex.Unlock()
	return limiter.Allow()
}

// limitRate refuses clients that send too much. Those on loopback are never limited,
// nor are health checks: an instance must not be restarted for being asked often.
func (a *API) limitRate(next http.Handler) http.Handler {
	clients := newLimiters(a.RateLimit)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == livezPath || r.URL.Path == readyzPath {
			next.ServeHTTP(w, r)
			return
		}
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			host = r.RemoteAddr
		}
		if ip := net.ParseIP(host); (ip == nil || !ip.IsLoopback()) && !clients.allow(host) {
			a.fail(w, r, failureFor(r), errRateLimit)
			return
		}
		next.ServeHTTP(w, r)
	})
}
