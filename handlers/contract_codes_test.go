package handlers_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"
)

// The codes of the file are those of the program: what stands second in a problem or
// an inputError anywhere in this package.
func TestContractHasEveryCode(t *testing.T) {
	t.Parallel()
	inCode := map[string]bool{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			literal, ok := node.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if name, ok := literal.Type.(*ast.Ident); ok && (name.Name == "problem" || name.Name == "inputError") {
				if code, found := codeOf(literal); found {
					inCode[code] = true
				}
			}
			return true
		})
	}
	inFile := setOf(callContract[[]string](t, "Codes", struct{}{}))
	if !maps.Equal(inCode, inFile) {
		t.Errorf("the program has the codes\n%s\nand docs/openapi.yaml\n%s", sorted(inCode), sorted(inFile))
	}
}

// codeOf returns the code in a literal, which is a variable's where another problem is
// passed on.
func codeOf(literal *ast.CompositeLit) (string, bool) {
	for i, element := range literal.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			if key, _ := pair.Key.(*ast.Ident); key == nil || key.Name != "code" {
				continue
			}
			element = pair.Value
		} else if i != 1 {
			continue
		}
		if text, ok := element.(*ast.BasicLit); ok && text.Kind == token.STRING {
			code, err := strconv.Unquote(text.Value)
			return code, err == nil
		}
	}
	return "", false
}
