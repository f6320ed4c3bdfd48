package conn

import (
	"context"
	"strings"
	"testing"
)

func TestCallsAreHeldAgainstTheScript(t *testing.T) {
	c := &Conn{batches: newBatcher()}
	script := NewScript(Script{Name: "x", Keys: 2, Args: 3, TakesAcks: true})
	for name, call := range map[string]Call{
		"too few keys":       {Script: script, Keys: []string{"one"}, Args: []any{1, 2}},
		"too few arguments":  {Script: script, Keys: []string{"one", "two"}, Args: []any{1}},
		"too many arguments": {Script: script, Keys: []string{"one", "two"}, Args: []any{1, 2, 3}},
	} {
		if _, err := c.Call(context.Background(), call); err == nil || !strings.Contains(err.Error(), "x.lua takes") {
			t.Errorf("a call with %s was made: %v", name, err)
		}
	}
}
