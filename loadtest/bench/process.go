package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// process is a server in a process of its own, that prints where it listens.
type process struct {
	command *exec.Cmd
	folder  string
	url     string
}

// startSelf starts L1.
func startSelf(ctx context.Context) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(exec.CommandContext(ctx, self, "-serve-limit"), "")
}

// startBoxoffice builds the service and starts it on a Redis, with further settings.
func startBoxoffice(ctx context.Context, redis string, settings ...string) (*process, error) {
	folder, err := os.MkdirTemp("", "boxoffice-bench-")
	if err != nil {
		return nil, err
	}
	binary := filepath.Join(folder, "boxoffice")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/boxoffice").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	command := exec.CommandContext(ctx, binary)
	command.Env = append(os.Environ(), "PORT=0", "ACCESS_LOG=false", "LOG_FORMAT=text", "REDIS_ADDRS="+redis)
	command.Env = append(command.Env, settings...)
	return start(command, folder)
}

func start(command *exec.Cmd, folder string) (*process, error) {
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	command.Stderr = command.Stdout
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &process{command: command, folder: folder}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), "listening on "); ok {
			p.url = strings.TrimSuffix(rest, `"`)
			go func() {
				for lines.Scan() { // keep the pipe empty
				}
			}()
			return p, nil
		}
	}
	p.stop()
	return nil, errors.New("the server ended before it listened")
}

func (p *process) stop() {
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
	if p.folder != "" {
		_ = os.RemoveAll(p.folder)
	}
}

// megabytes is the process's resident memory.
func (p *process) megabytes() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var kilobytes float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kilobytes); n == 1 {
			return kilobytes / 1024, nil
		}
	}
	return 0, errors.New("no VmRSS")
}
