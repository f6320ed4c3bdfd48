# Each target says in `make help` what it does: the text after its "##".

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test quick servers cover bench faults vet lint fuzz build docker clean

# What each of these may be set to: make cover COVER_MIN=90.
COVER_MIN ?= 85
PACKAGES  ?= ./...
FUZZ_TIME ?= 20s
FAULTS    ?= full
SEED      ?=
IMAGE     ?= boxoffice

GOLANGCI_LINT := go tool -modfile=$(CURDIR)/tools/go.mod golangci-lint

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## serve on http://127.0.0.1:3000, in memory unless a Redis is set
	go run ./cmd/boxoffice

# The Lua lint is a test of the scripts package, which sees them joined, as Redis does.
# A skipped test is silent, so what was skipped is said here.
test: ## run all tests with the race detector, and the Lua lint; REDIS_SERVER: on that server
	go test -race $(PACKAGES)
	@for tool in "$${REDIS_SERVER:-redis-server}" luacheck promtool curl node; do \
		command -v "$$tool" >/dev/null || echo "note: $$tool is not installed, so its tests were skipped"; \
	done

# The store on a real Redis or a cluster is left to `make test`.
quick: vet ## vet, the scripts, and the store on the embedded engine alone; under 20 s
	EMBEDDED_ONLY=1 go test ./scripts ./store/...
	@echo "note: EMBEDDED_ONLY=1, so nothing ran on a real Redis; make test does"

servers: ## fetch Redis 7.0, Redis 8.0 and Valkey 8.0 into out/servers, for REDIS_SERVER
	@tools/redis-servers.sh

cover: ## statement coverage of store and handlers; fails under 85 %
	@mkdir -p out
	go test -coverpkg=./store,./store/layout,./store/conn,./store/verify,./handlers -coverprofile=out/coverage.out ./...
	@go tool cover -func=out/coverage.out | awk -v min=$(COVER_MIN) ' \
		/^total:/ { covered = $$3 + 0 } \
		END { printf "store and handlers: %.1f %% of statements, at least %d %% wanted\n", covered, min; exit covered < min }'

bench: ## every figure with its target and its limit, on this machine; some minutes
	go run ./loadtest/bench

# A module of its own: what it is made of is no part of the service.
faults: build ## break Redis, network and service while clients book; FAULTS=short: three minutes, SEED=n: again
	cd loadtest/faults && go vet ./... && go test ./... && \
		go run . -boxoffice ../../out/boxoffice $(if $(filter short,$(FAULTS)),-short) $(if $(SEED),-seed $(SEED))

vet: ## gofmt and go vet, which need no other tool
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not gofmt'ed:"; echo "$$unformatted"; exit 1; fi
	go vet ./...

lint: vet ## vet, golangci-lint of every module (its first build takes minutes) and luacheck
	@for module in $$(find . -name go.mod -not -path './out/*' -exec dirname {} \;); do \
		[[ -n $$(find "$$module" -name '*.go' -print -quit) ]] || continue; \
		echo "golangci-lint in $$module"; \
		(cd "$$module" && $(GOLANGCI_LINT) run --allow-serial-runners); \
	done
	@if command -v luacheck >/dev/null; then go test -count=1 -run Luacheck ./scripts; \
	else echo "note: luacheck is not installed, so the scripts were not linted"; fi

fuzz: ## every fuzz test of handlers, 20 s each
	@for package in $$(go list ./handlers/...); do \
		names=$$(go test -list '^Fuzz' "$$package" | sed -n '/^Fuzz/p'); \
		for name in $$names; do \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZ_TIME) "$$package"; \
		done; \
	done

build: ## a static binary, out/boxoffice
	CGO_ENABLED=0 go build -trimpath -ldflags=-s -o out/boxoffice ./cmd/boxoffice

docker: ## the container image
	docker build -t $(IMAGE) .

clean: ## remove what these targets made
	rm -rf out
