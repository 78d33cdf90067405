# TuiTalk. `make` alone lists what there is.

STATICCHECK_VERSION = v0.8.2
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS = -s -w -X tuitalk/cmd/setting.version=$(VERSION)
FUZZTIME ?= 20s

.DEFAULT_GOAL := help
.PHONY: bin/tuitalk-cluster help run build cluster cluster-status cluster-stop test chaos sim sim-check sim-hour mutants bench check deps fuzz clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

run: build ## build everything and start a gateway on the embedded default
	@exec ./bin/tuitalk-gateway

build: web/dist/index.html ## build all programs into bin/, the browser client included
	@mkdir -p bin
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/tuitalk-gateway ./cmd/tuitalk ./cmd/tuitalk-bench

WEB_SOURCES := $(shell find web client talk cmd/tuitalk-web -type f -not -path 'web/dist/*' -not -name '*_test.go' -not -path '*/testdata/*') go.mod
web/dist/index.html: $(WEB_SOURCES)
	go run ./web/build -version '$(VERSION)'

bin/tuitalk-cluster: build
	go build -trimpath -o bin/tuitalk-cluster ./deploy/local/cluster

cluster: deps bin/tuitalk-cluster ## start a fleet on this machine: Nginx, 3 gateways, 6 Redis nodes, PostgreSQL, data in .cluster/ (CLUSTER='-port 8080')
	@bin/tuitalk-cluster start $(CLUSTER)

cluster-status: bin/tuitalk-cluster ## show each part of the fleet
	@bin/tuitalk-cluster status

cluster-stop: bin/tuitalk-cluster ## stop the fleet; its data stays
	@bin/tuitalk-cluster stop

# Packages with tests that start real servers.
SERVED = $(sort $(shell grep -rl --include='*_test.go' --exclude-dir=peers '^//go:build integration' . | xargs -n1 dirname))
# Those whose own goroutines meet the real servers: what needs a server runs under the
# race detector here too, all else has run under it in make check.
RACED = ./fanout/redisbus ./gateway ./history/pgstore
MEETING = $(shell grep -l '^//go:build integration' $(RACED:%=%/*_test.go) | xargs sed -nE 's/^func (Test[A-Za-z0-9_]+).t .*/\1/p' | paste -sd '|')
EVERY = $(shell go list -f '{{.Dir}}' ./... | sed 's#^$(CURDIR)#.#')
OTHERS = $(filter-out $(filter-out $(RACED),$(SERVED)),$(EVERY))

test: deps build ## install what is missing, and run all tests
	go test -race -tags integration -count=1 -parallel 4 -timeout 15m -run '^($(MEETING))$$' $(RACED)
	go test -tags integration -count=1 -parallel 4 -timeout 15m $(filter-out $(RACED),$(SERVED))
	go test -C bench/peers -tags integration -count=1 ./...
	go test -parallel 4 -timeout 15m $(OTHERS)

SEEDS ?= 20
FAULTS ?= all$(shell test "$$(id -u)" != 0 || echo ,links)
chaos: deps build ## break a fleet in every way under load (links as root only), and in SEEDS random pairs of ways: failover.html, failover.json (CHAOS='-clients 15000')
	bin/tuitalk-bench chaos -faults $(FAULTS) -pairs $(SEEDS) -html failover.html -json failover.json $(CHAOS)

SEED ?= 1
sim: ## simulate a fleet's bad day (SEED=1), or its calm one (CALM=1), and print its story
	go test ./fleetsim -count=1 -run 'TestChaos$$' -v -seed $(SEED) $(if $(CALM),-calm)

# Without the race detector, with which a day takes four times as long.
sim-check:
	go test ./fleetsim -count=1 -run 'TestChaos$$' -seeds 300
	go test ./fleetsim -count=1 -run 'TestCalm$$' -seeds 100

SIM_FOR ?= 1h
SIM_FROM ?= $(shell date +%s)000
sim-hour: ## simulate for an hour (SIM_FOR=1h) from a new seed on (SIM_FROM=1), every fifth day calm; says what fails
	go test ./fleetsim -count=1 -run 'TestLong$$' -timeout 0 -v -for $(SIM_FOR) -from $(SIM_FROM)

MUTANTS ?= .
mutants: ## break the product in small ways (MUTANTS=pattern), and count which of them the simulation notices within a minute each
	go test ./fleetsim -count=1 -run 'TestMutants$$' -timeout 0 -v -mutants '$(MUTANTS)'

bench: deps build ## compare TuiTalk with its peers under the same loads, in less than 10 minutes (BENCH='-repeats 1')
	go build -C bench/peers -trimpath -o '$(CURDIR)/bin/peers' .
	@mkdir -p bench/results
	bin/tuitalk-bench compare -json bench/results/compare.json -markdown bench/results/compare.md -html bin/compare.html $(BENCH)

# With one processor the epoll loops of several gateways in one process starve each other
# (a real one raises GOMAXPROCS above their number), so the gateway's tests have four.
check: ## the gate that needs no outside server: format, vet, staticcheck, wasm, import rules, race tests
	@unformatted="$$(gofmt -l $$(git ls-files '*.go'))"; test -z "$$unformatted" || { echo "not gofmt-clean: $$unformatted"; exit 1; }
	go vet ./...
	go vet -tags integration ./...
	GOOS=js GOARCH=wasm go vet ./talk ./client ./web/app/... ./cmd/tuitalk-web
	GOBIN='$(CURDIR)/bin' go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	bin/staticcheck -tags integration ./...
	GOOS=js GOARCH=wasm bin/staticcheck ./talk ./client ./web/app/... ./cmd/tuitalk-web
	go run ./web/build -version '$(VERSION)'
	go test -race -cpu 1,4 -parallel 4 -timeout 15m $(filter-out ./gateway,$(EVERY))
	go test -race -cpu 4 -parallel 4 -timeout 15m ./gateway
	go test -run DoesNotAllocate ./...
	$(MAKE) --no-print-directory sim-check
	go vet -C bench/peers -tags integration ./...
	go test -C bench/peers -race ./...

deps: ## install what tests need on Debian (apt; sudo only if not root); no daemon is started
	@deploy/packages/install.sh

fuzz: ## run every fuzz target for FUZZTIME (default 20s)
	@for f in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
		for name in $$(grep -oE '^func Fuzz[A-Za-z0-9_]*' $$f | cut -d' ' -f2); do \
			echo "== $$f $$name"; go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) ./$$(dirname $$f) || exit 1; \
		done; done

clean: ## remove what was built
	rm -rf bin
	find web/dist -type f -not -name unbuilt.html -delete
