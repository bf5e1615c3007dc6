# `make help` lists the targets.
SHELL := bash
.DEFAULT_GOAL := help

AGENTS := agents/node_modules/.package-lock.json
PEERS := peers/node_modules/.package-lock.json
GOTEST := go run gotest.tools/gotestsum@v1.13.0 --format pkgname --
LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.5.0
COVERED := ./stacks/...,./components/...,./agentbundle/...

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: sandbox
sandbox: $(AGENTS) ## Bring prod, blue and green up on this machine and switch the traffic
	@echo "compiling the sandbox (the first time takes minutes: the AWS SDK is large)"
	go run -C sandbox . tour

.PHONY: rehearsal
rehearsal: $(AGENTS) ## Rehearse a switch, bad releases, outages and a rollback under load (Linux)
	@echo "compiling the sandbox (the first time takes minutes: the AWS SDK is large)"
	go run -C sandbox . rehearsal

.PHONY: drill
drill: $(AGENTS) ## Lose rows of the database and restore them to a point in time (Linux)
	go run -C sandbox . drill

.PHONY: sandbox-clean
sandbox-clean: ## End what runs, destroy the sandbox's stacks and remove everything it made
	go run -C sandbox . clean

# The race detector costs too much where the AWS SDK for Pulumi is linked.
PURE := ./agentbundle/... ./server/... ./ops/... ./cmd/... ./internal/... ./components/naming/...

.PHONY: test
test: $(AGENTS) $(PEERS) ## Run every test, print the coverage
	go vet ./... && go vet -C sandbox ./...
	$(GOTEST) -coverpkg=$(COVERED) -coverprofile=coverage.out ./stacks/... ./components/... ./agentbundle/...
	@go tool cover -func=coverage.out | awk '/^total:/ { print "statement coverage of stacks, components and agentbundle: " $$3 }'
	$(GOTEST) -race $(PURE)
	cd sandbox && $(GOTEST) -race ./runtime/... ./account ./control ./rehearsal/traffic ./rehearsal/report ./drill
	cd sandbox && $(GOTEST) -timeout 30m . ./awsx ./cloud/... ./engine ./registry ./rehearsal

.PHONY: conformance
conformance: $(AGENTS) $(PEERS) ## Test the server with the MCP conformance suite and other clients
	go run ./internal/conformance

.PHONY: lint
lint: ## Lint with golangci-lint (built from the module proxy)
	go run $(LINT) run ./...
	cd sandbox && go run $(LINT) run ./...

.PHONY: check
check: lint test conformance ## Everything that CI runs

.PHONY: fuzz
fuzz: ## Run each fuzz target for a minute
	@for package in $$(go list ./agentbundle/... ./components/vpc ./server/... ./stacks); do \
		for target in $$(go test -list '^Fuzz' $$package | grep ^Fuzz); do \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime 60s $$package || exit 1; \
		done; \
	done

.PHONY: bench
bench: $(AGENTS) $(PEERS) ## Measure the bundle, and the server against bun and the TypeScript SDK
	go test -run '^$$' -bench . ./agentbundle/... ./server/... ./cmd/...

.PHONY: bench-build
bench-build: ## Build the program with an empty cache: seconds and peak memory
	@cache=$$(mktemp -d) && trap 'rm -rf $$cache' EXIT && \
	go build -o $$cache/measure ./internal/measure && GOCACHE=$$cache/go $$cache/measure go build -o /dev/null .

%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --prefix $*
	@touch $@

.PHONY: clean
clean: ## Remove what make made, except the sandbox
	rm -rf agents/node_modules peers/node_modules coverage.out
