package main

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// The README's table of settings is what -h says.
func TestReadmeListsEverySetting(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for field := range reflect.TypeFor[config]().Fields() {
		tag := field.Tag
		standard := tag.Get("default")
		if standard != "" {
			standard = "`" + standard + "`"
		}
		row := fmt.Sprintf("| `%s` | %s | %s |\n", tag.Get("envconfig"), standard, tag.Get("desc"))
		if !strings.Contains(string(readme), row) {
			t.Errorf("the README lacks the row\n%s", row)
		}
	}
}
