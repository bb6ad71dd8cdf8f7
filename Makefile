# One set of build settings for every target, so that build, test, lint and the
# mutants' copies of the tree share one cache: -trimpath keeps the directory out
# of the cache's keys. Everything is built without cgo but what runs under the
# race detector, which needs it.
export GOFIPS140   := v1.26.0
export GOFLAGS     := -buildvcs=false -trimpath
export CGO_ENABLED := 0

VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
MODULE    := github.com/linkage-exchange/linkage
GOLANGCI_VERSION := v2.15.0
GOLANGCI  := $(shell go env GOPATH)/bin/golangci-lint-$(GOLANGCI_VERSION)

# Packages that start goroutines are tested under the race detector, the pure
# ones are not: it makes them slower and finds nothing there. Nor are the
# commands: their tests start hundreds of processes, which under the detector
# take a second each.
RACE_DIRS := agent broker internal
PKGS      ?= ./...
RACED      = $(shell go list $(PKGS) | grep -E '^$(MODULE)/($(subst $() ,|,$(RACE_DIRS)))(/|$$)')
PURE       = $(filter-out $(RACED),$(shell go list $(PKGS)))

# SHORT=1 leaves out what takes minutes. PKGS selects packages, TESTFLAGS is for
# -run, -v, -count.
SHORT     ?=
TESTFLAGS ?=
GOTEST     = go test -vet=off -shuffle=on $(if $(SHORT),-short -timeout 10m,-timeout 30m) $(TESTFLAGS)

# BENCH is for the bench's own flags; -h lists them.
BENCH     ?=

# FUZZ selects by name, FUZZ_PKGS by package.
FUZZTIME  ?= 10s
FUZZ      ?= .
FUZZ_PKGS ?= ./...

.DEFAULT_GOAL := help
.PHONY: thin help build test test-pure test-race lint walls tidy fmt fuzz demo chaos mutants bench check clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the commands into bin/
	go build -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ ./cmd/...

test: test-pure test-race ## run every test (SHORT=1: leave out the long ones)

test-pure:
	$(if $(PURE),$(GOTEST) $(PURE))

test-race:
	$(if $(RACED),CGO_ENABLED=1 $(GOTEST) -race $(RACED))

lint: $(GOLANGCI) walls ## check formatting, style and import rules; name overlong files
	$(GOLANGCI) run ./...
	@git ls-files -co --exclude-standard '*.go' | xargs wc -l | awk '$$2 != "total" && $$1 > 450 {print "note: " $$2 " has " $$1 " lines; over 450 it needs splitting by noun, or a reason"}'

walls: $(GOLANGCI) ## plant every forbidden import and see the linter refuse it
	LINKAGE_LINTER=$(GOLANGCI) go test -vet=off -count=1 -run Walls ./proof/house

tidy: ## fail if go.mod differs from what the code imports
	go mod tidy -diff

fmt: $(GOLANGCI) ## format the code
	$(GOLANGCI) fmt

fuzz: ## fuzz each decoder for FUZZTIME (FUZZ=name FUZZ_PKGS=./schemas to select)
	@found=$$(go test -vet=off -list '^Fuzz' $(FUZZ_PKGS) | \
		awk '/^Fuzz/ {names[++n] = $$1} /^ok/ {for (i = 1; i <= n; i++) print $$2, names[i]; n = 0}' | grep -E ' Fuzz.*$(FUZZ)') \
		|| { echo "no fuzz test in $(FUZZ_PKGS) matches $(FUZZ)"; exit 1; }; \
	echo "$$found" | while read -r pkg name; do \
		echo "fuzz $$pkg $$name"; \
		go test -vet=off -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$pkg" </dev/null || exit 1; \
	done

demo: build ## start a broker and its agents on this machine and play a week
	bin/linkage demo

mutants: ## break the code on purpose and see a test fail for each
	go run ./proof/mutants

bench: build ## measure the promised figures and write docs/benchmarks.md (BENCH='-quick', BENCH='-rows gate')
	go run ./proof/bench $(BENCH)

# SEEDS are seeds and ranges, such as 1-200 or 3,17. Results are kept in the
# user's cache for each commit, so that a campaign goes on where it stood.
SEEDS   ?= 1-20
BROKERS ?= 1

chaos: ## let things go wrong in networks of real processes (SEEDS=1-200 BROKERS=1 AGAIN=)
	go run ./proof/chaos -seeds $(SEEDS) -brokers $(BROKERS) $(if $(AGAIN),-again)

thin: ## measure an agency behind 64 kbit/s with 2 percent loss and 600 ms (needs root)
	go test -vet=off -count=1 -v -timeout 20m -run ThinLine ./proof/thinline

check: test lint tidy build ## everything that must pass before a change goes in

clean: ## remove what the other targets made
	rm -rf bin dist

# The linter is built from its pinned module, so that it never changes by itself.
$(GOLANGCI):
	GOBIN=$(@D)/.$(@F) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv $(@D)/.$(@F)/golangci-lint $@ && rmdir $(@D)/.$(@F)
