package handlers

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/sirupsen/logrus"
)

// userHash tells one user from another in the log without naming them. It is keyed:
// otherwise a name that was guessed could be confirmed by its hash.
type userHash [sha256.Size]byte

func newUserHash(salt string) userHash {
	if salt == "" {
		salt = rand.Text()
	}
	return sha256.Sum256([]byte(salt))
}

// of returns 16 hexadecimal digits.
func (key userHash) of(user string) string {
	const shown = 8 // bytes: two of a million users meet once in 37 million deployments
	var buffer [512]byte
	sum := sha256.Sum256(append(append(buffer[:0], key[:]...), user...))
	return hex.EncodeToString(sum[:shown])
}

// logAccess writes one line about a request and its answer.
func (a *API) logAccess(info *requestInfo, r *http.Request, took time.Duration) {
	if !a.Log.IsLevelEnabled(logrus.InfoLevel) {
		return
	}
	fields := idsOf(info, r).fields()
	fields["method"], fields["status"] = methodLabel(r.Method), info.status
	fields["duration_ms"] = float64(took.Microseconds()) / 1000
	fields["route"] = unmatched
	if info.route != nil {
		fields["route"] = info.route.path
	}
	if info.outcome != "" {
		fields["outcome"] = info.outcome
	}
	// A number that no event has may be anything, a user's too.
	if info.event != 0 && info.status != http.StatusNotFound && info.status != http.StatusBadRequest {
		fields["event"] = info.event
	}
	if info.user != "" {
		fields["user"] = a.users.of(info.user)
	}
	a.Log.WithFields(fields).Info("request")
}
