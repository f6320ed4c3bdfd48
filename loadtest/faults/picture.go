package main

import (
	"os"

	"github.com/anishathalye/porcupine"
)

// picture writes porcupine's picture of a history, and returns where it is.
func picture(m porcupine.Model, info porcupine.LinearizationInfo) string {
	file, err := os.CreateTemp("", "boxoffice-history-*.html")
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	if err := porcupine.Visualize(m, info, file); err != nil {
		return ""
	}
	return ", see " + file.Name()
}
