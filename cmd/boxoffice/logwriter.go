package main

import (
	"io"
	"sync"
)

// logWriter takes lines of the log and writes them in the background: what gathers while
// one write is under way goes out with the next, as the store does it with commands. So a
// request never waits for a write, and an idle service shows each line at once. Lines are
// lost if the process is killed in the moment before their write. An output that stalls
// holds requests up once maxGathered is waiting, and loses nothing.
type logWriter struct {
	output io.Writer

	mutex    sync.Mutex
	changed  sync.Cond // of what follows
	gathered []byte
	closed   bool  // no more is waited for
	stopped  bool  // nobody writes in the background any more
	failed   error // the last write's

	writing sync.WaitGroup
}

// maxGathered bounds the bytes that wait to be written.
const maxGathered = 1 << 20

func newLogWriter(output io.Writer) *logWriter {
	w := &logWriter{output: output}
	w.changed.L = &w.mutex
	w.writing.Go(w.run)
	return w
}

// Write takes a line. Its error is that of a line before.
func (w *logWriter) Write(line []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.stopped {
		return w.output.Write(line)
	}
	for len(w.gathered) > 0 && len(w.gathered)+len(line) > maxGathered {
		w.changed.Wait()
	}
	w.gathered = append(w.gathered, line...)
	w.changed.Broadcast()
	return len(line), w.failed
}

func (w *logWriter) run() {
	var lines []byte
	for {
		w.mutex.Lock()
		for len(w.gathered) == 0 && !w.closed {
			w.changed.Wait()
		}
		lines, w.gathered = w.gathered, lines[:0]
		w.stopped = len(lines) == 0
		w.changed.Broadcast()
		w.mutex.Unlock()
		if len(lines) == 0 {
			return
		}
		_, err := w.output.Write(lines)
		w.mutex.Lock()
		w.failed = err
		w.mutex.Unlock()
	}
}

// Close writes what is left. A line that comes later is written at once.
func (w *logWriter) Close() {
	w.mutex.Lock()
	w.closed = true
	w.changed.Broadcast()
	w.mutex.Unlock()
	w.writing.Wait()
}
