package conn

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/redistest"
)

// numbering takes items, and answers each with itself and how many are in the call.
const numbering = `
	local answers = {}
	for i = 2, #ARGV do
		answers[#answers + 1] = ARGV[i]
		answers[#answers + 1] = #ARGV - 1
	end
	return answers`

func withItems(source string, most int) *Script {
	return NewScript(Script{Name: "numbering", Keys: 1, Args: 1, Items: most, ItemArgs: 1, ItemAnswers: 2, Source: source})
}

// callTogether makes calls that wait together, of so many keys in turn. The callers that
// give up do so while they wait.
func callTogether(t *testing.T, script *Script, keys, count int, givesUp func(i int) bool) (answers [][]any, errs []error) {
	t.Helper()
	g, client := newGate(t)
	b := newBatcher()
	defer func() { _ = b.close() }()
	at := lane{node: client, kind: Change}
	var callers sync.WaitGroup
	for range lanesPerNode {
		callers.Go(func() {
			if err := b.do(context.Background(), at, script.load(context.Background())); err != nil {
				t.Error(err)
			}
		})
		<-g.arrived
	}
	answers, errs = make([][]any, count), make([]error, count)
	giveUp := func() {}
	for i := range count {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if givesUp(i) {
			before := giveUp
			giveUp = func() { before(); cancel() }
		}
		callers.Go(func() {
			keys := []string{fmt.Sprintf("calls:%d", i%keys)}
			answers[i], errs[i] = b.call(ctx, at, script, keys, []any{"shared"}, []any{strconv.Itoa(i)})
		})
		redistest.WaitUntil(t, func() bool { return len(b.queue(at)) == i+1 })
	}
	giveUp()
	close(g.open)
	callers.Wait()
	return answers, errs
}

func nobody(int) bool { return false }

// Each caller gets the answer to its own item, however many travel in a call: all that wait, or as
// many as the lanes that become free at the same moment leave each other.
func TestItemsTravelInOneCall(t *testing.T) {
	for _, c := range []struct{ keys, most, together int }{{1, 64, 40}, {4, 64, 10}, {1, 8, 8}} {
		answers, errs := callTogether(t, withItems(numbering, c.most), c.keys, 40, nobody)
		largest := int64(0)
		for i, answer := range answers {
			if errs[i] != nil || len(answer) != 2 || answer[0] != strconv.Itoa(i) {
				t.Fatalf("%+v: item %d: %v, %v", c, i, answer, errs[i])
			}
			joined, _ := answer[1].(int64)
			largest = max(largest, joined)
		}
		if largest > int64(c.together) || largest < int64(c.together)/lanesPerNode {
			t.Errorf("%+v: at most %d travelled together", c, largest)
		}
	}
}

func TestAnItemThatWasGivenUpIsNotSent(t *testing.T) {
	odd := func(i int) bool { return i%2 == 1 }
	answers, errs := callTogether(t, withItems(numbering, 64), 1, 20, odd)
	for i, answer := range answers {
		if odd(i) {
			if !errors.Is(errs[i], context.Canceled) {
				t.Errorf("item %d was given up: %v, %v", i, answer, errs[i])
			}
			continue
		}
		if errs[i] != nil || answer[0] != strconv.Itoa(i) || answer[1] != int64(10) {
			t.Errorf("item %d: %v, %v", i, answer, errs[i])
		}
	}
}

func TestAnErrorOfACallIsEveryItems(t *testing.T) {
	for source, want := range map[string]string{
		`return redis.error_reply('CORRUPT')`:      "CORRUPT",
		`return {ARGV[2], 1}`:                      "answered 2 items to 3 calls",
		`return 'one'`:                             "",
		`return {ARGV[2], 1, ARGV[2], 1, 2, 3, 4}`: "answered 7 items to 3 calls",
	} {
		answers, errs := callTogether(t, withItems(source, 64), 1, 3, nobody)
		for i := range answers {
			if errs[i] == nil || !strings.Contains(errs[i].Error(), want) {
				t.Errorf("%s: item %d: %v, %v", source, i, answers[i], errs[i])
			}
		}
	}
}

// What is wrong with one item is not the others' business.
func TestAnItemIsNotRefusedForAnother(t *testing.T) {
	broken := strings.Replace(numbering, "return answers", `
		local broken = false
		for i = 2, #ARGV do broken = broken or ARGV[i] == '3' end
		if broken then return redis.error_reply('CORRUPT') end
		return answers`, 1)
	answers, errs := callTogether(t, withItems(broken, 64), 1, 10, nobody)
	for i, answer := range answers {
		if i == 3 {
			if errs[i] == nil || !strings.Contains(errs[i].Error(), "CORRUPT") {
				t.Errorf("item 3: %v, %v", answer, errs[i])
			}
			continue
		}
		if errs[i] != nil || answer[0] != strconv.Itoa(i) || answer[1] != int64(1) {
			t.Errorf("item %d: %v, %v", i, answer, errs[i])
		}
	}
}

// What does not belong together does not travel together, and nothing overtakes.
func TestJoin(t *testing.T) {
	one, other := withItems(numbering, 3), withItems(numbering+" ", 3)
	of := func(script *Script, key, shared string) *request {
		return &request{ctx: context.Background(), item: &item{script: script, keys: []string{key}, shared: []any{shared, "x"}}}
	}
	command := func() *request {
		return &request{ctx: context.Background(), cmd: redis.NewCmd(context.Background(), "ping")}
	}
	batch := []*request{
		of(one, "a", ""), command(), of(one, "a", ""), of(one, "b", ""), of(other, "a", ""),
		of(one, "a", "u"), of(one, "a", ""), command(), of(one, "a", ""), of(one, "b", ""),
	}
	var got []int
	for _, call := range join(batch) {
		got = append(got, len(call.items))
	}
	if want := []int{3, 0, 2, 1, 1, 0, 1}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("items of the calls: %v, want %v", got, want)
	}
}
