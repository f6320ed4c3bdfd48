package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"boxoffice/store/redistest"
)

// A start that fails must leave nothing behind: a remembered port would outlive it.
func TestClusterLeavesTakenPortsAlone(t *testing.T) {
	redistest.Require(t)
	first := freePorts(t)
	dir := filepath.Join(t.TempDir(), "cluster")
	t.Setenv("CLUSTER_DIR", dir)
	t.Setenv("CLUSTER_PORT", strconv.Itoa(first))
	for _, taken := range []int{first + 4, first + 10001} {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", taken))
		if err != nil {
			t.Fatal(err)
		}
		output, err := exec.Command("../cluster.sh", "up").CombinedOutput()
		_ = listener.Close()
		if err == nil || !strings.Contains(string(output), fmt.Sprintf("port %d is taken", taken)) {
			t.Errorf("port %d is taken: %v: %s", taken, err, output)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("port %d was taken, and up left its folder behind", taken)
			_ = exec.Command("../cluster.sh", "down").Run()
		}
	}
	t.Setenv("CLUSTER_PORT", strconv.Itoa(first+100))
	output, err := exec.Command("../cluster.sh", "addrs").Output()
	if want := fmt.Sprintf("127.0.0.1:%d,", first+100); err != nil || !strings.HasPrefix(string(output), want) {
		t.Errorf("addrs: %v: %s, want %s", err, output, want)
	}
}
