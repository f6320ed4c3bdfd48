package handlers

import (
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/sirupsen/logrus"
)

// maxHiding is how many addresses are warned of: enough for an operator to see what is wrong,
// and a bound on what anybody who sends such headers can make the log hold.
const maxHiding = 32

// hiddenClients warns of proxies whose clients are counted as one, because their addresses are
// not believed, or are not where they are looked for.
type hiddenClients struct {
	log     *logrus.Logger
	trusted []netip.Prefix

	full  atomic.Bool
	mutex sync.Mutex
	known map[netip.Addr]bool
}

// warn logs one warning for each address that passes requests on and counts as their client.
func (h *hiddenClients) warn(peer netip.Addr, header http.Header) {
	if h.full.Load() || !passedOn(header) || !h.isNew(peer) {
		return
	}
	if contains(h.trusted, peer) {
		h.log.Warnf("RATE_LIMIT counts all clients behind %s as one: it is in TRUSTED_PROXIES, but sends no address in X-Forwarded-For", peer)
		return
	}
	h.log.Warnf("RATE_LIMIT counts all clients behind %s as one: it passes requests on, and is not in TRUSTED_PROXIES", peer)
}

func (h *hiddenClients) isNew(peer netip.Addr) bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.known[peer] || len(h.known) >= maxHiding {
		return false
	}
	if h.known == nil {
		h.known = map[netip.Addr]bool{}
	}
	h.known[peer] = true
	h.full.Store(len(h.known) == maxHiding)
	return true
}
