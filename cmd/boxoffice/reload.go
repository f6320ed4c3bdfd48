package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"boxoffice/handlers"
)

// keysInterval is how often API_KEYS_FILE is read. What it says counts, not its time:
// Kubernetes swaps symbolic links, and clocks are set back.
const keysInterval = time.Second

// keyReloader keeps the accepted API keys as API_KEYS_FILE has them. There are always some in
// use: the file is taken as a whole, or not at all.
type keyReloader struct {
	config  config
	log     *logrus.Logger
	use     func([]handlers.APIKey)
	measure func(refused bool)

	keys    []handlers.APIKey // in use
	last    []byte            // the file, when it was last read
	refused string            // why it is not in use, as it was logged
}

// start follows the file, and takes SIGHUPs, until stop is called.
func (k *keyReloader) start(ctx context.Context, interval time.Duration) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)                        // also without a file: it must not end the service
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // a drain may take long
	var following sync.WaitGroup
	following.Go(func() { k.follow(ctx, interval, hangups) })
	return func() {
		cancel()
		following.Wait()
		signal.Stop(hangups)
	}
}

func (k *keyReloader) follow(ctx context.Context, interval time.Duration, hangups <-chan os.Signal) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			k.hangup()
		case <-ticker.C:
			k.look()
		}
	}
}

// hangup reads the file and uses it at once.
func (k *keyReloader) hangup() {
	if !k.config.hasKeyFile() {
		k.log.Info("SIGHUP: there is nothing to reload, since no API_KEYS_FILE is in use")
		return
	}
	k.refused = "" // who asks gets an answer
	text, err := k.config.readKeyFile()
	if k.take(text, err) {
		k.log.Infof("SIGHUP: API_KEYS_FILE was read, and %d API keys are in use", len(k.keys))
	}
}

// look uses the file once two looks have found the same: somebody may be writing it.
func (k *keyReloader) look() {
	if !k.config.hasKeyFile() {
		return
	}
	text, err := k.config.readKeyFile()
	if err == nil && !bytes.Equal(text, k.last) {
		k.last = text
		return
	}
	k.take(text, err)
}

// take uses the keys of a text, and reports whether it could.
func (k *keyReloader) take(text []byte, err error) bool {
	var keys []handlers.APIKey
	if err == nil {
		keys, err = k.config.keysWith(text)
	}
	k.measure(err != nil)
	if err != nil {
		if reason := err.Error(); reason != k.refused {
			k.refused = reason
			k.log.WithError(err).Error("API_KEYS_FILE is not used: the API keys stay as they were")
		}
		return false
	}
	k.last, k.refused = text, ""
	if !slices.Equal(keys, k.keys) {
		for _, key := range k.keys {
			if !slices.Contains(keys, key) {
				k.log.WithFields(fieldsOf(key)).Info("API key taken out")
			}
		}
		for _, key := range keys {
			if !slices.Contains(k.keys, key) {
				k.log.WithFields(fieldsOf(key)).Info("API key")
			}
		}
		k.keys = keys
		k.use(keys)
	}
	return true
}

func fieldsOf(key handlers.APIKey) logrus.Fields {
	return logrus.Fields{"key": key.Name, "scopes": key.Scopes.String()}
}

// readRegular reads a file. Reading anything else might never end. Its errors do not repeat the name.
func readRegular(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(name) //nolint:gosec // the operator names it
	}
	return text, pathless(err)
}
