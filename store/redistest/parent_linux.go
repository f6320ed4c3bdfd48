package redistest

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the kernel end the server should the tests be killed.
func dieWithParent(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
