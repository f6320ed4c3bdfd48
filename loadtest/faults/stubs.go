package main

import "context"

func sentinelFaults(ctx context.Context, l *lab) error { return nil }
