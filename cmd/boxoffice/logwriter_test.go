package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
)

func TestLogWriterKeepsAllLinesAndEachWritersOrder(t *testing.T) {
	const writers, lines = 8, 2000
	var output bytes.Buffer
	w := newLogWriter(&output)
	var writing sync.WaitGroup
	for i := range writers {
		writing.Go(func() {
			for j := range lines {
				if _, err := fmt.Fprintf(w, "%d %d\n", i, j); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	w.Close()

	next := map[int]int{}
	for line := range strings.Lines(output.String()) {
		var writer, number int
		if _, err := fmt.Sscanf(line, "%d %d\n", &writer, &number); err != nil {
			t.Fatalf("the line %q: %v", line, err)
		}
		if number != next[writer] {
			t.Fatalf("writer %d's line %d follows its line %d", writer, number, next[writer]-1)
		}
		next[writer]++
	}
	for i := range writers {
		if next[i] != lines {
			t.Errorf("%d lines of writer %d, want %d", next[i], i, lines)
		}
	}
}

func TestLogWriterWritesWhatComesAfterItsEnd(t *testing.T) {
	var output bytes.Buffer
	w := newLogWriter(&output)
	w.Close()
	if _, err := io.WriteString(w, "late\n"); err != nil || output.String() != "late\n" {
		t.Errorf("wrote %q, %v", output.String(), err)
	}
}

func TestLogWriterWritesALineAtOnce(t *testing.T) {
	read, write := io.Pipe()
	w := newLogWriter(write)
	defer w.Close()
	if _, err := io.WriteString(w, "alone\n"); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("alone\n"))
	if _, err := io.ReadFull(read, line); err != nil || string(line) != "alone\n" {
		t.Errorf("read %q, %v", line, err)
	}
}

// An output that nobody reads holds writers up, and gets all lines once somebody does.
func TestLogWriterWaitsForAStalledOutput(t *testing.T) {
	read, write := io.Pipe()
	w := newLogWriter(write)
	line := bytes.Repeat([]byte{'x'}, maxGathered/4)
	const lines = 20
	written := make(chan int, lines)
	go func() {
		defer close(written)
		for i := range lines {
			_, _ = w.Write(line)
			written <- i
		}
		w.Close()
		_ = write.Close()
	}()
	for range 4 {
		<-written // there is room for so many
	}
	w.mutex.Lock()
	gathered := len(w.gathered)
	w.mutex.Unlock()
	if gathered > maxGathered {
		t.Errorf("%d bytes wait to be written, want at most %d", gathered, maxGathered)
	}
	all, err := io.ReadAll(read)
	if err != nil || len(all) != lines*len(line) {
		t.Errorf("read %d bytes, %v, want %d", len(all), err, lines*len(line))
	}
}

type brokenOutput struct{}

var errBroken = errors.New("broken")

func (brokenOutput) Write([]byte) (int, error) { return 0, errBroken }

func TestLogWriterTellsOfABrokenOutput(t *testing.T) {
	w := newLogWriter(brokenOutput{})
	defer w.Close()
	var err error
	for err == nil { // the first lines are taken before their write fails
		_, err = io.WriteString(w, "line\n")
	}
	if !errors.Is(err, errBroken) {
		t.Errorf("the error is %v, want %v", err, errBroken)
	}
}
