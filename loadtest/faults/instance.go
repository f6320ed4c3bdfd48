package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// instance is a process of the service.
type instance struct {
	binary, redis string
	addr          string // host:port; the first start chooses it
	command       *exec.Cmd
}

// The service's own settings in these tests: a request gives up sooner than a client.
const (
	requestTimeout = 1500 * time.Millisecond
	startTimeout   = 20 * time.Second
)

// start starts the process, again after kill, and waits until it listens.
func (i *instance) start(ctx context.Context) error {
	if i.addr == "" {
		i.addr = "127.0.0.1:0"
	}
	host, port, err := net.SplitHostPort(i.addr)
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, i.binary)
	command.Dir = os.TempDir() // there is no .env
	command.Env = append(os.Environ(), "HOST="+host, "PORT="+port, "REDIS_ADDRS="+i.redis, "LOG_LEVEL=info", "LOG_FORMAT=text",
		"ACCESS_LOG=false", "REQUEST_TIMEOUT="+requestTimeout.String(), "REDIS_READ_TIMEOUT="+readTimeout.String())
	output, err := command.StderrPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	i.command = command
	listening := make(chan string, 1)
	go func() {
		const said = "listening on http://"
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if _, rest, found := strings.Cut(lines.Text(), said); found {
				listening <- strings.TrimRight(rest, `"`)
			}
		}
		close(listening)
	}()
	timer := time.NewTimer(startTimeout)
	defer timer.Stop()
	select {
	case addr, ok := <-listening:
		if !ok {
			return errors.Join(errors.New("an instance of the service ended at its start"), command.Wait())
		}
		i.addr = addr
		return nil
	case <-timer.C:
		return fmt.Errorf("an instance of the service does not listen after %s", startTimeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kill ends the process as a crash would.
func (i *instance) kill() {
	if i.command != nil && i.command.Process != nil {
		_ = i.command.Process.Kill()
		_ = i.command.Wait()
	}
}
