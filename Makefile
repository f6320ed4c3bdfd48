# `make help` lists the targets with the text after their "##".

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test quick servers cover bench faults vet lint fuzz build docker clean

# Variables that can be set on the command line, as in: make cover COVER_MIN=90.
COVER_MIN ?= 85
PACKAGES  ?= ./...
FUZZ_TIME ?= 20s
FAULTS    ?= full
SEED      ?=
IMAGE     ?= boxoffice

# Every module with Go code of its own.
MODULES := $(shell find . -name go.mod -not -path './out/*' -not -path './tools/*' -exec dirname {} \;)

GOLANGCI_LINT := go tool -modfile=$(CURDIR)/tools/go.mod golangci-lint

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## serve on http://127.0.0.1:3000, in memory unless a Redis is configured
	go run ./cmd/boxoffice

# The Lua lint is a test of the scripts package, which sees the scripts joined, as Redis does.
# A skipped test is silent, so the target reports what was skipped. The other modules are
# tested with all packages, except that of the faults, which `make faults` tests.
test: ## run all tests with the race detector, and the Lua lint; REDIS_SERVER selects a server
	go test -race -timeout 30m $(PACKAGES)
	go test -run '^$$' -bench . -benchtime 1x $(PACKAGES) # to see that they run
ifeq ($(PACKAGES),./...)
	@for module in $(filter-out . ./loadtest/faults,$(MODULES)); do \
		echo "go test in $$module"; \
		(cd "$$module" && go test -race ./...); \
	done
endif
	@for tool in "$${REDIS_SERVER:-redis-server}" luacheck promtool curl node; do \
		command -v "$$tool" >/dev/null || echo "note: $$tool is not installed, so its tests were skipped"; \
	done

# Tests on a real Redis or a cluster are left to `make test`.
quick: vet ## run vet, and test the scripts and the store on the embedded engine alone; under 20 s
	EMBEDDED_ONLY=1 go test ./scripts ./store/...
	@echo "note: EMBEDDED_ONLY=1, so nothing ran on a real Redis; use make test for that"

servers: ## fetch Redis 7.0, Redis 8.0 and Valkey 8.0 into out/servers, for REDIS_SERVER
	@tools/redis-servers.sh

cover: ## measure statement coverage of store and handlers; fails under 85 %
	@mkdir -p out
	go test -coverpkg=./store,./store/layout,./store/conn,./store/verify,./handlers -coverprofile=out/coverage.out ./...
	@go tool cover -func=out/coverage.out | awk -v min=$(COVER_MIN) ' \
		/^total:/ { covered = $$3 + 0 } \
		END { printf "store and handlers: %.1f %% of statements covered, at least %d %% required\n", covered, min; exit covered < min }'

bench: ## measure every figure against its target and limit on this machine; takes some minutes
	go run ./loadtest/bench

# A module of its own: its dependencies are no part of the service.
faults: build ## break Redis, network and service while clients book; FAULTS=short takes three minutes, SEED=n repeats a run
	cd loadtest/faults && go vet ./... && go test ./... && \
		go run . -boxoffice ../../out/boxoffice $(if $(filter short,$(FAULTS)),-short) $(if $(SEED),-seed $(SEED))

vet: ## run gofmt and go vet, which need no other tool
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted with gofmt:"; echo "$$unformatted"; exit 1; fi
	go vet ./...

lint: vet ## run vet, golangci-lint on every module (its first build takes minutes) and luacheck
	@for module in $(MODULES); do \
		echo "golangci-lint in $$module"; \
		(cd "$$module" && $(GOLANGCI_LINT) run --allow-serial-runners); \
	done
	@if command -v luacheck >/dev/null; then go test -count=1 -run Luacheck ./scripts; \
	else echo "note: luacheck is not installed, so the scripts were not linted"; fi

fuzz: ## run every fuzz test of handlers, 20 s each
	@for package in $$(go list ./handlers/...); do \
		names=$$(go test -list '^Fuzz' "$$package" | sed -n '/^Fuzz/p'); \
		for name in $$names; do \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZ_TIME) "$$package"; \
		done; \
	done

build: ## build a static binary, out/boxoffice
	CGO_ENABLED=0 go build -trimpath -ldflags=-s -o out/boxoffice ./cmd/boxoffice

docker: ## build the container image
	docker build -t $(IMAGE) .

clean: ## remove everything that these targets made
	rm -rf out
