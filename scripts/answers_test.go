package scripts_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"boxoffice/store"
)

// known has the values of what comes out of Redis and becomes part of a word.
var known = map[string][]string{
	"state":       {string(store.StateOpen), string(store.StatePaused), string(store.StateClosed)},
	"firstStatus": {string(store.StatusConfirmed), string(store.StatusWaiting)},
}

// decider is the function of a script with items that decides one of them. It returns an
// answer as so many values, and not as a table.
const decider = "decide"

// answers returns the words that a script can answer with, each with the lengths of its
// answers, as far as the text of the script tells. It errs on the side of too many words:
// conditions are not looked at, and a name is the same variable wherever it stands. What
// it cannot follow is an error.
func answers(source string) (map[string][]int, error) {
	body, err := parse.Parse(strings.NewReader(source), "")
	if err != nil {
		return nil, err
	}
	r := &reader{lines: strings.Split(source, "\n"), assigned: map[string][]value{}, changed: map[string]bool{}}
	r.collect(body)
	if deciders := r.assigned[decider]; len(deciders) == 1 {
		return r.decisions(deciders[0])
	}
	if len(body) == 0 {
		return nil, errors.New("does nothing")
	}
	if last, ok := body[len(body)-1].(*ast.ReturnStmt); !ok {
		r.failf(body[len(body)-1], "ends without an answer")
	} else if len(last.Exprs) != 1 {
		r.failf(last, "does not return one value")
	}

	found := map[string][]int{}
	for _, returned := range returns(body, scope{}) {
		tables := r.resolve(returned.result(0), 0)
		if len(tables) == 0 {
			r.failf(returned.stmt, "answers nothing")
		}
		for _, table := range tables {
			if isErrorReply(table.expr) {
				continue
			}
			answer, ok := table.expr.(*ast.TableExpr)
			if !ok || len(answer.Fields) == 0 || answer.Fields[0].Key != nil {
				r.failf(table.expr, "is no answer, which is a table that begins with a word")
				continue
			}
			for _, word := range r.resolve(value{answer.Fields[0].Value, 0, table.scope}, 0) {
				if text, ok := word.expr.(*ast.StringExpr); !ok {
					r.failf(word.expr, "is no word")
				} else if !slices.Contains(found[text.Value], len(answer.Fields)) {
					found[text.Value] = append(found[text.Value], len(answer.Fields))
				}
			}
		}
	}
	return found, errors.Join(r.errs...)
}

// decisions is answers of a script with items.
func (r *reader) decisions(decider value) (map[string][]int, error) {
	function, ok := decider.expr.(*ast.FunctionExpr)
	if !ok {
		return nil, errors.New("decides by what is no function")
	}
	found := map[string][]int{}
	for _, returned := range returns(function.Stmts, scope{}) {
		words := r.resolve(returned.result(0), 0)
		if len(words) == 0 {
			r.failf(returned.stmt, "decides nothing")
		}
		for _, word := range words {
			if text, ok := word.expr.(*ast.StringExpr); !ok {
				r.failf(word.expr, "is no word")
			} else if items := len(returned.stmt.Exprs); !slices.Contains(found[text.Value], items) {
				found[text.Value] = append(found[text.Value], items)
			}
		}
	}
	return found, errors.Join(r.errs...)
}

type reader struct {
	lines    []string
	assigned map[string][]value // what a variable is set to, anywhere
	changed  map[string]bool    // variables whose items are set one by one
	errs     []error
}

// value is an expression where it stands. Of a call it is one of the results.
type value struct {
	expr  ast.Expr
	nth   int
	scope scope
}

// scope is what is known inside a call of a function and an if.
type scope struct {
	params map[string]value
	not    map[string]string // values that an if has ruled out
}

func (r *reader) failf(where ast.PositionHolder, format string, args ...any) {
	line := "?"
	if n := where.Line(); n > 0 && n <= len(r.lines) {
		line = strings.TrimSpace(r.lines[n-1])
	}
	r.errs = append(r.errs, fmt.Errorf("%s, in: %s", fmt.Sprintf(format, args...), line))
}

// collect notes all assignments, those inside functions too.
func (r *reader) collect(body []ast.Stmt) {
	for _, stmt := range body {
		switch s := stmt.(type) {
		case *ast.LocalAssignStmt:
			for i, name := range s.Names {
				r.assign(name, nth(s.Exprs, i, scope{}))
			}
			r.collectFunctions(s.Exprs)
		case *ast.AssignStmt:
			for i, target := range s.Lhs {
				switch t := target.(type) {
				case *ast.IdentExpr:
					r.assign(t.Value, nth(s.Rhs, i, scope{}))
				case *ast.AttrGetExpr:
					r.changed[name(t.Object)] = true
				}
			}
			r.collectFunctions(s.Rhs)
		case *ast.FuncDefStmt:
			r.assign(name(s.Name.Func), value{expr: s.Func})
			r.collect(s.Func.Stmts)
		case *ast.NumberForStmt:
			r.assign(s.Name, value{expr: &ast.Comma3Expr{}})
			r.collect(s.Stmts)
		case *ast.GenericForStmt:
			for _, name := range s.Names {
				r.assign(name, value{expr: &ast.Comma3Expr{}})
			}
			r.collect(s.Stmts)
		default:
			for _, inner := range blocks(stmt) {
				r.collect(inner)
			}
		}
	}
}

func (r *reader) assign(name string, to value) { r.assigned[name] = append(r.assigned[name], to) }

func (r *reader) collectFunctions(exprs []ast.Expr) {
	for _, expr := range exprs {
		if function, ok := expr.(*ast.FunctionExpr); ok {
			r.collect(function.Stmts)
		}
	}
}

// resolve returns all that a value may be: strings, tables and error replies.
func (r *reader) resolve(v value, depth int) []value {
	const deepest = 50
	if depth++; depth > deepest {
		r.failf(v.expr, "goes round in circles")
		return nil
	}
	also := func(expr ast.Expr) []value { return r.resolve(value{expr, 0, v.scope}, depth) }
	switch e := v.expr.(type) {
	case *ast.StringExpr, *ast.TableExpr:
		return []value{v}
	case *ast.NilExpr, *ast.FalseExpr:
		return nil
	case *ast.IdentExpr:
		return r.variable(e, v.scope, depth)
	case *ast.LogicalOpExpr:
		if e.Operator == "and" { // what is not true is no answer
			return also(e.Rhs)
		}
		return append(also(e.Lhs), also(e.Rhs)...)
	case *ast.StringConcatOpExpr:
		var joined []value
		for _, left := range also(e.Lhs) {
			for _, right := range also(e.Rhs) {
				joined = append(joined, r.concat(left, right))
			}
		}
		return joined
	case *ast.FuncCallExpr:
		if isErrorReply(e) {
			return []value{v}
		}
		return r.call(e, v, depth)
	default:
		if result, ok := r.packed(v); ok {
			return r.resolve(result, depth)
		}
		if values, ok := known[name(e)]; ok {
			return texts(values, v.scope.not[name(e)])
		}
		r.failf(e, "has a %T, which cannot be followed", e)
		return nil
	}
}

// packed returns the result of a call that an item of a table is, if all that the table has is the
// results of one call.
func (r *reader) packed(v value) (result value, ok bool) {
	item, ok := v.expr.(*ast.AttrGetExpr)
	if !ok || len(r.assigned[name(item.Object)]) != 1 {
		return value{}, false
	}
	table, isTable := r.assigned[name(item.Object)][0].expr.(*ast.TableExpr)
	index, isNumber := item.Key.(*ast.NumberExpr)
	if !isTable || !isNumber || len(table.Fields) != 1 {
		return value{}, false
	}
	call, isCall := table.Fields[0].Value.(*ast.FuncCallExpr)
	n, err := strconv.Atoi(index.Value)
	return value{expr: call, nth: n - 1, scope: v.scope}, isCall && err == nil
}

func (r *reader) variable(e *ast.IdentExpr, in scope, depth int) []value {
	if values, ok := known[e.Value]; ok {
		return texts(values, in.not[e.Value])
	}
	argument, isParam := in.params[e.Value]
	if !isParam && len(r.assigned[e.Value]) == 0 {
		r.failf(e, "%s is set nowhere", e.Value)
	}
	if r.changed[e.Value] {
		r.failf(e, "the items of %s are set one by one", e.Value)
	}
	var all []value
	if isParam {
		all = r.resolve(argument, depth)
	}
	for _, assigned := range r.assigned[e.Value] {
		all = append(all, r.resolve(assigned, depth)...)
	}
	return all
}

func (r *reader) concat(left, right value) value {
	a, isText := left.expr.(*ast.StringExpr)
	b, areTexts := right.expr.(*ast.StringExpr)
	if !isText || !areTexts {
		r.failf(left.expr, "joins what is no text")
		return left
	}
	return value{expr: &ast.StringExpr{Value: a.Value + b.Value}}
}

// call returns what a function of the script returns.
func (r *reader) call(e *ast.FuncCallExpr, v value, depth int) []value {
	var functions []value
	if called, ok := e.Func.(*ast.IdentExpr); ok {
		functions = r.assigned[called.Value]
	}
	if len(functions) == 0 {
		r.failf(e, "calls what is no function of the script")
	}
	var all []value
	for _, assigned := range functions {
		function, ok := assigned.expr.(*ast.FunctionExpr)
		if !ok {
			r.failf(e, "%s is not always a function", name(e.Func))
			continue
		}
		inside := scope{params: map[string]value{}}
		for i, param := range function.ParList.Names {
			inside.params[param] = nth(e.Args, i, v.scope)
		}
		for _, returned := range returns(function.Stmts, inside) {
			all = append(all, r.resolve(returned.result(v.nth), depth)...)
		}
	}
	return all
}

type returned struct {
	stmt  *ast.ReturnStmt
	scope scope
}

func (r returned) result(i int) value { return nth(r.stmt.Exprs, i, r.scope) }

// returns finds the return statements of a script or a function, not of functions in it.
func returns(body []ast.Stmt, in scope) []returned {
	var all []returned
	for _, stmt := range body {
		switch s := stmt.(type) {
		case *ast.ReturnStmt:
			all = append(all, returned{s, in})
		case *ast.IfStmt:
			then := in
			if test, ok := s.Condition.(*ast.RelationalOpExpr); ok && test.Operator == "~=" {
				if text, ok := test.Rhs.(*ast.StringExpr); ok {
					then.not = maps.Clone(in.not)
					if then.not == nil {
						then.not = map[string]string{}
					}
					then.not[name(test.Lhs)] = text.Value
				}
			}
			all = append(append(all, returns(s.Then, then)...), returns(s.Else, in)...)
		default:
			for _, inner := range blocks(stmt) {
				all = append(all, returns(inner, in)...)
			}
		}
	}
	return all
}

// blocks are the statements inside a statement.
func blocks(stmt ast.Stmt) [][]ast.Stmt {
	switch s := stmt.(type) {
	case *ast.IfStmt:
		return [][]ast.Stmt{s.Then, s.Else}
	case *ast.DoBlockStmt:
		return [][]ast.Stmt{s.Stmts}
	case *ast.WhileStmt:
		return [][]ast.Stmt{s.Stmts}
	case *ast.RepeatStmt:
		return [][]ast.Stmt{s.Stmts}
	case *ast.NumberForStmt:
		return [][]ast.Stmt{s.Stmts}
	case *ast.GenericForStmt:
		return [][]ast.Stmt{s.Stmts}
	default:
		return nil
	}
}

// nth is the value at a place of a list, whose last call fills all places that follow.
func nth(exprs []ast.Expr, i int, in scope) value {
	last := len(exprs) - 1
	if i <= last {
		return value{exprs[i], 0, in}
	}
	if last >= 0 {
		if call, ok := exprs[last].(*ast.FuncCallExpr); ok {
			return value{call, i - last, in}
		}
	}
	return value{expr: &ast.NilExpr{}}
}

// name is that of a variable, or the last part of that of a table's item.
func name(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.IdentExpr:
		return e.Value
	case *ast.AttrGetExpr:
		if key, ok := e.Key.(*ast.StringExpr); ok {
			return key.Value
		}
	}
	return ""
}

func isErrorReply(expr ast.Expr) bool {
	call, ok := expr.(*ast.FuncCallExpr)
	return ok && name(call.Func) == "error_reply"
}

func texts(all []string, without string) []value {
	var values []value
	for _, text := range all {
		if text != without {
			values = append(values, value{expr: &ast.StringExpr{Value: text}})
		}
	}
	return values
}
