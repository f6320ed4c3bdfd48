package handlers

import (
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxLimiters bounds the memory of limiters: two generations of this many clients.
const maxLimiters = 10_000

// limiters keeps one limiter for each client that was seen lately.
type limiters struct {
	mutex    sync.Mutex
	rate     rate.Limit
	burst    int
	young    map[netip.Addr]*rate.Limiter
	old      map[netip.Addr]*rate.Limiter
	capacity int
}

func newLimiters(perSecond float64) *limiters {
	return &limiters{
		rate:     rate.Limit(perSecond),
		burst:    max(1, int(perSecond)),
		young:    map[netip.Addr]*rate.Limiter{},
		capacity: maxLimiters,
	}
}

func (l *limiters) fresh() *rate.Limiter { return rate.NewLimiter(l.rate, l.burst) }

// of returns the client's limiter. When the young generation is full it becomes the old
// one, and those who were not seen since the last time are forgotten. To be forgotten, a
// client has to be silent while at least capacity others come, who would have got as
// many requests through themselves; who goes on sending, refused or not, stays known.
func (l *limiters) of(client netip.Addr) *rate.Limiter {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	limiter, found := l.young[client]
	if found {
		return limiter
	}
	if limiter, found = l.old[client]; !found {
		limiter = l.fresh()
	}
	if len(l.young) >= l.capacity {
		l.old, l.young = l.young, map[netip.Addr]*rate.Limiter{}
	}
	l.young[client] = limiter
	return limiter
}

// limitRate refuses clients that send too much: a client is an API key, or else an
// address. Those on loopback are never limited, nor are health checks: an instance must
// not be restarted for being asked often.
func (a *API) limitRate(next http.Handler) http.Handler {
	addresses := newLimiters(a.RateLimit)
	keys := map[*APIKey]*rate.Limiter{}
	for i := range a.APIKeys {
		keys[&a.APIKeys[i]] = addresses.fresh()
	}
	policy := []string{addresses.policy()}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == livezPath || r.URL.Path == readyzPath {
			next.ServeHTTP(w, r)
			return
		}
		address, direct := clientAddress(r, a.TrustedProxies)
		if direct && address.IsLoopback() {
			next.ServeHTTP(w, r)
			return
		}
		limiter := keys[keyOf(r)]
		if limiter == nil {
			limiter = addresses.of(subscriber(address))
		}
		now := time.Now()
		allowed := limiter.AllowN(now, 1)
		tokens := limiter.TokensAt(now)
		header := w.Header()
		if allowed {
			// A client far from its limit is not told: with these two the header map of
			// a booking would grow beyond eight, which costs more than all else here.
			if remaining := int64(tokens); 2*remaining <= int64(addresses.burst) {
				header["Ratelimit-Policy"] = policy
				header["Ratelimit"] = []string{limitField(remaining, addresses.secondsFor(float64(addresses.burst)-tokens))}
			}
			next.ServeHTTP(w, r)
			return
		}
		wait := addresses.secondsFor(1 - tokens)
		header["Ratelimit-Policy"] = policy
		header["Ratelimit"] = []string{limitField(0, wait)}
		header["Retry-After"] = []string{strconv.FormatInt(wait, 10)}
		a.fail(w, r, failureFor(r), errRateLimit)
	})
}

// secondsFor is how long it takes until so many requests more are allowed: whole
// seconds, rounded up, at least one.
func (l *limiters) secondsFor(tokens float64) int64 {
	const longest = 1e9
	return int64(max(1, min(math.Ceil(tokens/float64(l.rate)), longest)))
}

// policy and limitField write the fields of draft-ietf-httpapi-ratelimit-headers-11:
// the quota and its window; what is left, and the seconds until that is renewed: until
// the quota is whole again, or, where nothing is left, the same as Retry-After.
func (l *limiters) policy() string {
	return `"default";q=` + strconv.Itoa(l.burst) + ";w=" + strconv.FormatInt(l.secondsFor(float64(l.burst)), 10)
}

func limitField(remaining, seconds int64) string {
	var buffer [64]byte
	field := append(buffer[:0], `"default";r=`...)
	field = strconv.AppendInt(field, max(0, remaining), 10)
	field = append(field, ";t="...)
	field = strconv.AppendInt(field, seconds, 10)
	return string(field)
}
