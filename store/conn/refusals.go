package conn

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"time"
)

// Redis may answer that it cannot do something now, whatever was asked. Some of that passes by
// itself, as in a failover: such a call is tried again. Some of it only an operator can end: such
// a call fails at once, and says that it was not carried out.

// refusal is an answer that says nothing about the request.
type refusal struct {
	kind    ConditionKind // empty: the call is tried again elsewhere, and nothing is wrong
	lasting bool          // a further try would find the same
	partly  bool          // the script may have changed something before it was refused
}

// refusalWords are those by which such answers begin. They are also the words of Observer.Tried.
var refusalWords = map[string]refusal{
	"LOADING":     {kind: Loading},
	"READONLY":    {kind: ReadOnly}, // passes or lasts: see refusals.lasts
	"MASTERDOWN":  {kind: ReadOnly},
	"CLUSTERDOWN": {kind: ClusterDown},
	"BUSY":        {kind: Unreachable},
	"MOVED":       {},
	"ASK":         {},
	"TRYAGAIN":    {},
	"NOSCRIPT":    {},
	"UNBLOCKED":   {},
	"OOM":         {kind: StorageFull, lasting: true},
	"MISCONF":     {kind: DiskFailed, lasting: true},
	"NOREPLICAS":  {kind: TooFewReplicas, lasting: true},
	"NOAUTH":      {kind: LoginRefused, lasting: true},
	"WRONGPASS":   {kind: LoginRefused, lasting: true},
	"NOPERM":      {kind: RightsMissing, lasting: true},
}

// loggedOut is how Redis answers a longer command on a connection that has not logged in, once a
// password is required: it gives up reading before it would say NOAUTH.
const loggedOut = "ERR Protocol error: unauthenticated"

// scriptRights is how Redis says that a command of a script is not allowed to the user: 7.0 the
// second and third, later ones and Valkey the first. The script had begun.
var scriptRights = []string{
	"ERR ACL failure in script", "ERR The user executing the script can't run", "ERR The user executing the script can't access",
}

// refusalOf returns what kind of refusal an answer of Redis is, if it is one.
func refusalOf(answer string) (refusal, bool) {
	word, _, _ := strings.Cut(answer, " ")
	if known, found := refusalWords[word]; found {
		return known, true
	}
	if strings.HasPrefix(answer, loggedOut) {
		return refusal{kind: LoginRefused, lasting: true}, true
	}
	for _, text := range scriptRights {
		if strings.HasPrefix(answer, text) {
			return refusal{kind: RightsMissing, lasting: true, partly: true}, true
		}
	}
	return refusal{}, false
}

// isCertificateRefused reports whether TLS failed for what only an operator can change: one side
// does not accept the other's certificate, or Redis does not speak TLS. No command got through.
func isCertificateRefused(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	// What the other side complains of is of no exported type.
	alert, ok := errors.AsType[*net.OpError](err)
	return ok && alert.Op == "remote error" && strings.Contains(alert.Err.Error(), "certificate")
}

// withoutScript cuts off where in which script an error came up, which differs with its text.
func withoutScript(answer string) string {
	if place := strings.LastIndex(answer, " script: "); place >= 0 {
		answer = answer[:place]
	}
	return strings.TrimSuffix(answer, ".")
}

const (
	// longestFailover is how long a node may refuse changes as a replica before that counts as
	// lasting. The longest failover of docs/reliability.md is shorter, and a client whose
	// address leads to the former master finds the new one within that time.
	longestFailover = 10 * time.Second

	// seenByCalls is how long a condition is believed that only calls can see: nothing tells
	// when it is over.
	seenByCalls = 30 * time.Second
)

// refusals remembers what calls were refused for. The zero value is ready for use.
type refusals struct {
	mutex sync.Mutex
	seen  map[ConditionKind]sighting
	clock func() time.Time // nil, except in tests
}

func (r *refusals) now() time.Time {
	if r.clock != nil {
		return r.clock()
	}
	return time.Now()
}

// sighting is when a kind of refusal was met, without a pause of seenByCalls or more.
type sighting struct {
	first, last time.Time
	detail      string
}

func (r *refusals) see(kind ConditionKind, detail string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	now := r.now()
	one := r.seen[kind]
	if one.first.IsZero() || now.Sub(one.last) >= seenByCalls {
		one = sighting{first: now, detail: detail}
	}
	one.last, one.detail = now, detail
	if r.seen == nil {
		r.seen = map[ConditionKind]sighting{}
	}
	r.seen[kind] = one
}

// over forgets a kind that a check did not find.
func (r *refusals) over(kind ConditionKind) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.seen, kind)
}

// recent returns the detail of a kind, if calls met it a moment ago.
func (r *refusals) recent(kind ConditionKind) (detail string, found bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	one, found := r.seen[kind]
	return one.detail, found && r.now().Sub(one.last) < seenByCalls
}

// lasts reports whether a further try would be refused for the same.
func (r *refusals) lasts(one refusal) bool {
	if one.kind != ReadOnly {
		return one.lasting
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	since, found := r.seen[ReadOnly]
	return found && r.now().Sub(since.first) >= longestFailover
}
