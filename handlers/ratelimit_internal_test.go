package handlers

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// However many clients come, at most maxLimiters are kept.
func TestLimitersAreBounded(t *testing.T) {
	t.Parallel()
	const never = 1e-9
	l := newLimiters(never, maxLimiters)
	most := 0
	for i := range uint32(1_000_000) {
		l.of(netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}))
		most = max(most, l.clients.Len())
	}
	if most != maxLimiters {
		t.Errorf("%d limiters were kept at once, want %d", most, maxLimiters)
	}
}

// Being forgotten does not get a client a fresh quota: in any order of their requests, those of
// one client are only forgotten after as many other clients as are kept were served since its
// last one, and each of these could have asked for itself what it asks for now.
func TestFreshQuotaIsNotCheap(t *testing.T) {
	t.Parallel()
	const never, rounds, capacity = 1e-9, 300_000, 100
	l := newLimiters(never, capacity)
	dice := rand.New(rand.NewPCG(1, 2))
	abuser := netip.MustParseAddr("192.0.2.1")
	served, others := 0, 0
	silence := map[netip.Addr]bool{} // who came since the abuser's last request
	for range rounds {
		if dice.IntN(capacity) == 0 {
			if l.of(abuser).Allow() {
				if served > 0 && len(silence) < capacity {
					t.Fatalf("a fresh quota for %d others", len(silence))
				}
				served++
			}
			clear(silence)
			continue
		}
		others++
		other := netip.AddrFrom4([4]byte{10, byte(others >> 16), byte(others >> 8), byte(others)})
		l.of(other)
		silence[other] = true
	}
	if served < 2 || served > 1+others/capacity {
		t.Errorf("%d quotas for %d others", served, others)
	}
}
