package store

import "testing"

// Promotions that are scheduled while they run are run once more: what they were scheduled
// for may have come too late for the run under way.
func TestScheduledPromotionIsNotLost(t *testing.T) {
	b := backgroundPromoter{running: map[uint64]bool{}}
	began, goOn := make(chan bool), make(chan bool)
	promote := func() {
		began <- true
		<-goOn
	}
	b.schedule(1, promote)
	<-began
	b.schedule(1, promote)
	b.schedule(1, promote)
	goOn <- true
	<-began // the second run, for both
	goOn <- true
	b.group.Wait()
	if len(b.running) != 0 {
		t.Errorf("still running: %v", b.running)
	}
}
