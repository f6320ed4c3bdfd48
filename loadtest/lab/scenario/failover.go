package scenario

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"time"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

var failover = Scenario{
	Name:  "failover",
	About: "masters die and slots move in the middle of the run (-cluster); clients repeat what they do not know the outcome of",
	New:   func(r *Run) Workload { return &broken{mix: newMix(r, or(r.Events, 30))} },
}

// broken is the mix with idempotency keys and clients that do not give up.
type broken struct {
	*mix
	mu    sync.Mutex
	again []retry
}

type retry struct {
	service.Request
	after time.Time
}

// Prepare refuses to call a run without faults a failover.
func (b *broken) Prepare(ctx context.Context) error {
	if b.ClusterScript == "" || len(b.Faults) == 0 {
		return errors.New("failover needs -cluster, a script such as loadtest/cluster.sh, and -faults")
	}
	return b.mix.Prepare(ctx)
}

func (b *broken) Next(i int64, request *service.Request) bool {
	if b.due(request) {
		return true
	}
	if !b.mix.Next(i, request) {
		return false
	}
	if request.Kind == service.Book {
		request.Key = b.Key()
	}
	return true
}

// Answered repeats a request with an unknown outcome, after the second that the
// service's Retry-After asks for, and some more so that not all come at once.
func (b *broken) Answered(entry *load.Entry) {
	b.mix.Answered(entry)
	if entry.Outcome != service.Unknown && entry.Outcome != service.NotSent {
		return
	}
	pause := time.Second + rand.N(time.Second)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.again = append(b.again, retry{entry.Request, time.Now().Add(pause)})
}

func (b *broken) due(request *service.Request) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.again) == 0 || time.Now().Before(b.again[0].after) {
		return false
	}
	*request = b.again[0].Request
	b.again = b.again[1:]
	return true
}

// Actions run the faults at even distances; what was killed is brought back halfway
// to the next.
func (b *broken) Actions() (actions []Action) {
	gap := 1 / float64(len(b.Faults)+1)
	for i, fault := range b.Faults {
		at := gap * (float64(i) + 0.6)
		actions = append(actions, Action{At: at, Name: fault, Fault: true, Do: b.script(fault)})
		if strings.HasPrefix(fault, "kill") {
			actions = append(actions, Action{At: at + gap/2, Name: "up", Do: b.script("up")})
		}
	}
	return actions
}

func (b *broken) script(command string) func(context.Context) error {
	return func(ctx context.Context) error {
		output, err := exec.CommandContext(ctx, b.ClusterScript, command).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s %s: %w: %s", b.ClusterScript, command, err, strings.TrimSpace(string(output)))
		}
		return nil
	}
}
