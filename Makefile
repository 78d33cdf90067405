# TuiTalk. `make` alone lists what there is.

STATICCHECK_VERSION = v0.8.2
DEADCODE_VERSION = v0.52.0
GOTESTSUM_VERSION = v1.13.0
NFPM_VERSION = v2.43.0
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS = -s -w -X tuitalk/cmd/setting.version=$(VERSION)
FUZZTIME ?= 20s

.DEFAULT_GOAL := help
.PHONY: bin/tuitalk-cluster tools help run build deb release cluster cluster-status cluster-stop test nightly nightly-units nightly-servers nightly-dead chaos sim sim-check sim-hour mutants bench check deps fuzz clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

run: build ## build everything and start a gateway on the embedded default
	@exec ./bin/tuitalk-gateway

build: web/dist/index.html ## build all programs into bin/, the browser client included
	@mkdir -p bin
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/tuitalk-gateway ./cmd/tuitalk ./cmd/tuitalk-bench

DEB_ARCH ?= $(shell go env GOARCH)
deb: tools ## build Debian packages of the gateway, the terminal client and the load generator into bin/deb/ (DEB_ARCH=arm64)
	go run ./web/build -version '$(VERSION)'
	@rm -f bin/deb/*.deb
	deploy/debian/build.sh '$(DEB_ARCH)' '$(VERSION)' bin/deb

# What is published: static programs and packages for both architectures, their
# checksums, and what the changelog says of this version.
release: tools ## build everything that is published of this version into bin/release/
	go run ./web/build -version '$(VERSION)'
	deploy/debian/release.sh '$(VERSION)' bin/release

WEB_SOURCES := $(shell find web client talk cmd/tuitalk-web -type f -not -path 'web/dist/*' -not -name '*_test.go' -not -path '*/testdata/*') go.mod
web/dist/index.html: $(WEB_SOURCES)
	go run ./web/build -version '$(VERSION)'

bin/tuitalk-cluster: build
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/tuitalk-cluster ./cmd/tuitalk-cluster

cluster: deps bin/tuitalk-cluster ## start a fleet on this machine: Nginx, 3 gateways, 6 Redis nodes, PostgreSQL, data in .cluster/ (CLUSTER='-port 8080')
	@bin/tuitalk-cluster start $(CLUSTER)

cluster-status: bin/tuitalk-cluster ## show each part of the fleet
	@bin/tuitalk-cluster status

cluster-stop: bin/tuitalk-cluster ## stop the fleet; its data stays
	@bin/tuitalk-cluster stop

# Machines with their own systemd, in namespaces (deploy/machine), take root: with it make test
# installs the package on one (half a minute; at the first time it makes the machine's root, which
# stays in ~/.cache/tuitalk), without it the tests with the tag machines are left out.
MACHINES = $(shell test "$$(id -u)" != 0 || echo ,machines)

# The race detector looks at all but the Go that SQLite was translated to from C: nothing of ours is in
# it, and with it the tests of package gateway calculate four times as much. No other package can be
# left out so: libc has sync.Map's code in it, of which the linker keeps one copy for all.
# make nightly leaves out nothing.
RACE = -race -gcflags=modernc.org/sqlite/lib=-race=false

# What tests need of their own: gotestsum shows each package as it ends, and what fails and is
# skipped, with how much of each; a skipped test hides a part that is missing, so none is.
# What go vet would find, make check finds once.
SUM = bin/gotestsum --format pkgname --
SUM_ALL = bin/gotestsum --format pkgname --post-run-command 'sh -c "test $$TESTS_SKIPPED = 0 || { echo $$TESTS_SKIPPED tests were skipped >&2; exit 1; }"' --
SHORT = -short -vet=off -timeout 15m

# Packages with tests that start real servers, and these tests.
SERVED = $(sort $(shell grep -rl --include='*_test.go' --exclude-dir=peers '^//go:build integration' . | xargs -n1 dirname))
meeting = ^($(shell grep -l '^//go:build integration' $(1:%=%/*_test.go) | xargs sed -nE 's/^func (Test[A-Za-z0-9_]+).t .*/\1/p' | sort -u | paste -sd '|'))$$$$
# Those whose own goroutines meet the servers run under the race detector here, too.
RACED = ./history/pgstore ./fanout/redisbus ./gateway
# Of the others, those that take longest, to begin with.
SLOWEST = ./cmd/tuitalk-gateway ./cmd/tuitalk-bench ./deploy/devcluster ./bench/virtualuser
OTHERS = $(SLOWEST) $(filter-out $(RACED) $(SLOWEST),$(SERVED))

# Much of a test with servers is the wait for something that they notice: the parts run side by
# side, but not so many that they keep each other from the processors.
test: deps build tools ## install what is missing, and run all tests that need real servers (make check runs the others)
	@.ci/in-memory $(MAKE) --no-print-directory -j3 test-raced test-others test-peers

.PHONY: test-raced test-others test-peers
test-raced:
	$(SUM_ALL) $(SHORT) $(RACE) -tags integration -count=1 -p 1 -parallel 4 -run '$(call meeting,$(RACED))' $(RACED)

test-others:
	$(SUM_ALL) $(SHORT) -tags integration$(MACHINES) -count=1 -p 2 -parallel 3 -run '$(call meeting,$(OTHERS))' $(OTHERS)

test-peers:
	go test -C bench/peers -tags integration -count=1 ./...

# All at its full length, and with the disk: what make check and make test leave out or cut short (files with the
# tag nightly, and whatever asks for testing.Short), everything under the race detector on one
# processor and on four, and every fuzz target. It takes hours; a line for each part.
nightly: nightly-dead nightly-units nightly-servers sim-hour fuzz ## run everything at its full length, for hours: what is long, what is statistical, an hour of simulation, fuzzing, dead code

# Its look at the whole program takes longer than all that make check vets.
nightly-dead: tools
	@dead="$$(bin/deadcode -test $(TAGS) ./...)" && test -z "$$dead" || { echo "nothing reaches this: $$dead"; exit 1; }

nightly-units: tools
	$(SUM) -race -cpu 1,4 -tags nightly -count=1 -timeout 2h $(filter-out ./gateway,$(EVERY))
	$(SUM) -race -cpu 4 -tags nightly -count=1 -timeout 2h ./gateway
	$(SUM) -tags nightly -count=1 -timeout 2h ./...

nightly-servers: deps build tools
	$(SUM) -race -tags integration,nightly -count=1 -parallel 4 -timeout 2h -run '$(call meeting,$(RACED))' $(RACED)
	$(SUM) -tags integration,nightly$(MACHINES) -count=1 -parallel 4 -timeout 2h -run '$(call meeting,$(OTHERS))' $(OTHERS)
	go test -C bench/peers -tags integration -count=1 ./...

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

# Tags of which each file is looked at.
TAGS = -tags integration,nightly,machines
WASM = ./talk ./client ./web/app/... ./cmd/tuitalk-web
EVERY = $(shell go list -f '{{.Dir}}' ./... | sed 's#^$(CURDIR)#.#')
# Those that start no goroutine (a test says so) and calculate much: the race detector finds
# nothing in them, and makes them ten times as slow.
SEQUENTIAL = ./bench/checker ./bench/report ./bench/result ./talk
# Those that take longest, to begin with.
LONGEST = ./gateway ./history/sqlitestore ./bench/virtualuser ./bench/recorder
# Tests of what is allocated count right only without the race detector.
COUNTED = $(shell grep -lE --include='*_test.go' -r '^func Test[A-Za-z0-9]*DoesNotAllocate' . | xargs -n1 dirname | sort -u)

# Tests wait, and what is compiled and looked at meanwhile calculates: two lanes.
check: tools web/dist/index.html ## the gate that needs no outside server: format, vet, staticcheck, wasm, import rules, unit tests under the race detector
	@unformatted="$$(gofmt -l $$(git ls-files '*.go'))"; test -z "$$unformatted" || { echo "not gofmt-clean: $$unformatted"; exit 1; }
	@.ci/in-memory $(MAKE) --no-print-directory -j2 check-raced check-rest

.PHONY: check-raced check-rest
# With one processor the epoll loops of several gateways in one process starve each other
# (a real one raises GOMAXPROCS above their number), so tests have four.
check-raced:
	$(SUM_ALL) $(SHORT) $(RACE) -cpu 4 -parallel 8 $(LONGEST) $(filter-out $(LONGEST) $(SEQUENTIAL),$(EVERY))

check-rest:
	go vet $(TAGS) ./...
	GOOS=js GOARCH=wasm go vet $(WASM)
	go vet -C bench/peers -tags integration ./...
	bin/staticcheck $(TAGS) ./...
	GOOS=js GOARCH=wasm bin/staticcheck $(WASM)
	$(SUM_ALL) $(SHORT) $(SEQUENTIAL)
	$(SUM_ALL) $(SHORT) -run DoesNotAllocate $(COUNTED)
	$(MAKE) --no-print-directory sim-check
	go test -C bench/peers -race ./...

tools:
	@mkdir -p bin
	GOBIN='$(CURDIR)/bin' go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	GOBIN='$(CURDIR)/bin' go install golang.org/x/tools/cmd/deadcode@$(DEADCODE_VERSION)
	GOBIN='$(CURDIR)/bin' go install gotest.tools/gotestsum@$(GOTESTSUM_VERSION)
	GOBIN='$(CURDIR)/bin' go install github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM_VERSION)

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
