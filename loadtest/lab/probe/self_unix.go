//go:build unix

package probe

import (
	"syscall"
	"time"
)

// Self returns the CPU that this process has used.
func Self() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
