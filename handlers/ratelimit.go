package handlers

import (
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// maxLimiters is how many clients are remembered.
const maxLimiters = 10_000

// limiters keeps one limiter for each client that was seen lately.
type limiters struct {
	rate    rate.Limit
	burst   int
	clients *lru.Cache[netip.Addr, *rate.Limiter]
}

func newLimiters(perSecond float64, capacity int) *limiters {
	clients, err := lru.New[netip.Addr, *rate.Limiter](capacity)
	if err != nil {
		panic(err) // the capacity is not positive
	}
	return &limiters{rate: rate.Limit(perSecond), burst: max(1, int(perSecond)), clients: clients}
}

func (l *limiters) fresh() *rate.Limiter { return rate.NewLimiter(l.rate, l.burst) }

// of returns the client's limiter. A client is forgotten once as many others as are remembered
// have come since its last request. These could have made as many requests themselves, so being
// forgotten gains nothing. A client that goes on sending, refused or not, stays known.
func (l *limiters) of(client netip.Addr) *rate.Limiter {
	if limiter, found := l.clients.Get(client); found {
		return limiter
	}
	limiter := l.fresh()
	if first, found, _ := l.clients.PeekOrAdd(client, limiter); found { // by another request meanwhile
		return first
	}
	return limiter
}

// limitRate refuses clients that send too much: a client is an API key, or else an
// address. Programs on this machine are never limited, and neither are health checks: an
// instance must not be restarted because it is checked often.
func (a *API) limitRate(next http.Handler) http.Handler {
	addresses, hidden := a.limiters, &hiddenClients{log: a.Log, trusted: a.TrustedProxies}
	policy := []string{addresses.policy()}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == livezPath || r.URL.Path == readyzPath || a.isLocal(r) {
			next.ServeHTTP(w, r)
			return
		}
		var limiter *rate.Limiter
		if key := keyOf(r); key != nil {
			limiter = key.limiter
		} else {
			address, direct := clientAddress(r, a.TrustedProxies)
			if direct {
				hidden.warn(address, r.Header)
			}
			limiter = addresses.of(subscriber(address))
		}
		now := time.Now()
		allowed := limiter.AllowN(now, 1)
		tokens := limiter.TokensAt(now)
		header := w.Header()
		if allowed {
			// An answer to a client far from its limit leaves these two out: with them the
			// header map of a booking would grow beyond eight, which costs more than all else here.
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

// secondsFor is how long it takes until that many more requests are allowed: whole
// seconds, rounded up, at least one.
func (l *limiters) secondsFor(tokens float64) int64 {
	const longest = 1e9
	return int64(max(1, min(math.Ceil(tokens/float64(l.rate)), longest)))
}

// policy and limitField write the fields of draft-ietf-httpapi-ratelimit-headers-11:
// the quota and its window; what is left, and the seconds until the quota is whole again
// or, where nothing is left, the same as Retry-After.
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
