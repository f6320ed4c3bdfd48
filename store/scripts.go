package store

import (
	"context"
	"errors"
	"fmt"

	"boxoffice/scripts"
	"boxoffice/store/conn"
)

// The scripts, each with how it is called. Number is a step of a creation that a later one
// answers for, so it takes no acks.
var (
	identifyScript   = conn.NewScript(script(conn.Change, scripts.Identify))
	numberScript     = conn.NewScript(script(conn.Change, scripts.Number))
	initializeScript = change(scripts.Initialize)
	completeScript   = change(scripts.Complete)
	updateScript     = change(scripts.Update)
	bookScript       = change(scripts.Book)
	holdScript       = change(scripts.Hold)
	confirmScript    = change(scripts.Confirm)
	extendScript     = change(scripts.Extend)
	cancelScript     = change(scripts.Cancel)
	reduceScript     = change(scripts.Reduce)
	expireScript     = change(scripts.Expire)
	promoteScript    = change(scripts.Promote)
	registerScript   = conn.NewScript(script(conn.Change, scripts.Register))
	retireScript     = conn.NewScript(script(conn.Change, scripts.Retire))
	leaseScript      = conn.NewScript(script(conn.Change, scripts.Lease))
	writableScript   = conn.NewScript(script(conn.Change, scripts.Writable))
	findScript       = read(conn.Read, scripts.Find)
	listScript       = read(conn.List, scripts.List)
	liveScript       = read(conn.Read, scripts.Live)
	promotedScript   = read(conn.Read, scripts.Promoted)
)

func script(kind conn.Kind, s scripts.Script) conn.Script {
	return conn.Script{
		Kind: kind, Name: s.Name, Source: s.Source, Keys: s.Keys, Args: s.Args,
		Items: s.Items, ItemArgs: s.ItemArgs, ItemAnswers: s.ItemAnswers,
	}
}

func change(s scripts.Script) *conn.Script {
	changing := script(conn.Change, s)
	changing.TakesAcks = true
	return conn.NewScript(changing)
}

func read(kind conn.Kind, s scripts.Script) *conn.Script { return conn.NewScript(script(kind, s)) }

// ScriptNames are the names of the scripts, as an Observer sees them.
func ScriptNames() []string {
	var names []string
	for _, one := range scripts.All() {
		names = append(names, one.Name)
	}
	return names
}

// callEvent is call, for a script whose answer depends on the time, and that may want holds and offers
// that have passed their deadlines to be ended first.
func (s *Store) callEvent(ctx context.Context, number uint64, call conn.Call) (*conn.Reply, error) {
	for {
		r, err := s.call(ctx, s.timed(call))
		if err != nil || r.Word != "due" {
			return r, err
		}
		if err := s.expireDue(ctx, number); err != nil {
			return nil, err
		}
	}
}

// timed puts first among the arguments of a call what counts at the moment: grace may begin between
// two tries.
func (s *Store) timed(call conn.Call) conn.Call {
	call.Args = append([]any{s.nowOverride(), flag(s.inGrace())}, call.Args...)
	return call
}

// call calls a script. If its answer is a refusal, that is the error.
func (s *Store) call(ctx context.Context, call conn.Call) (*conn.Reply, error) {
	if call.Script.Kind == conn.Change && s.identity.foreign.Load() {
		return nil, ErrOtherStore
	}
	r, err := s.conn.Call(ctx, call)
	if err != nil {
		return nil, damagedIfWrongType(err)
	}
	if err := refusals[r.Word]; errors.Is(err, ErrDamaged) {
		return nil, fmt.Errorf("%s.lua, %s: %w", call.Script.Name, call.Keys[0], err)
	} else if err != nil {
		return r, err
	}
	return r, nil
}

// damagedIfWrongType turns Redis's complaint about the type of a key, all of which are the
// service's own, into ErrDamaged.
func damagedIfWrongType(err error) error {
	if conn.IsWrongType(err) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}
