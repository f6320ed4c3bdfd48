package main
import "context"
func clusterFaults(ctx context.Context, l *lab) error { return nil }
func sentinelFaults(ctx context.Context, l *lab) error { return nil }
