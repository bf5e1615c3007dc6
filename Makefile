# `make help` lists the targets.
SHELL := bash
.DEFAULT_GOAL := help

AGENTS := agents/node_modules/.package-lock.json
PEERS := peers/node_modules/.package-lock.json
REGISTRY := npmrelease/registry/node_modules/.package-lock.json
GOTEST := go run gotest.tools/gotestsum@v1.13.0 --format pkgname -- -exec "env -u GOGC"
LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# As Pulumi's Go language host has it: the build cache shares packages only between
# builds that agree in -trimpath.
export GOFLAGS := $(strip $(filter-out -trimpath,$(shell go env GOFLAGS)) -trimpath)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: sandbox
sandbox: $(AGENTS) ## Bring prod, blue and green up on this machine and switch the traffic
	go run -C sandbox . tour

.PHONY: rehearsal
rehearsal: $(AGENTS) ## Rehearse a switch, bad releases, outages and a rollback under load (Linux)
	@go build -C sandbox -o ../.sandbox/launch . # since go run has exit codes of its own
	cd sandbox && ../.sandbox/launch rehearsal

.PHONY: drill
drill: $(AGENTS) ## Lose rows of the database and restore them to a point in time (Linux)
	go run -C sandbox . drill

.PHONY: sandbox-clean
sandbox-clean: ## End what runs, destroy the sandbox's stacks and remove everything it made
	test ! -d .sandbox || go run -C sandbox . clean

PURE := ./agentbundle/... ./server/... ./ops/... ./cmd/... ./internal/... ./components/naming/... ./delivery/... ./policies/... ./npmrelease/...

# Under the race detector everything is compiled again: it runs where goroutines are.
# With less garbage collected (GOGC) the compiler takes a fifth less time; tests have
# the memory that they are to have.
RACE := ./agentbundle/... ./server/... ./ops/... ./cmd/codeflow-server ./cmd/ops ./delivery/smoke ./internal/load ./internal/postgres ./npmrelease/registry
# It needs a C compiler; without one the same tests run without it.
DETECT := $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)
SANDBOX_RACE := ./runtime/... ./account ./awsapi ./control ./drill ./rehearsal/traffic
REST = $(filter-out $(shell go list $(RACE) ./components/... ./stacks/...),$(shell go list ./...))
SANDBOX_REST = $(filter-out $(shell go list -C sandbox $(SANDBOX_RACE)),$(shell go list -C sandbox ./...))
COVER := -covermode=atomic -coverprofile=coverage-

.PHONY: test
test: export GOGC := 800
test: $(AGENTS) $(PEERS) $(REGISTRY) ## Run every test, print the coverage
	@test -n "$(DETECT)" || echo "there is no C compiler: the tests run without the race detector"
	$(GOTEST) $(COVER)components.out ./components/...
	$(GOTEST) $(COVER)stacks.out -coverpkg=./stacks/...,./components/...,./agentbundle/... ./stacks/...
	$(GOTEST) $(DETECT) $(COVER)agentbundle.out -coverpkg=./agentbundle/... ./agentbundle/...
	$(GOTEST) $(DETECT) $(filter-out ./agentbundle/...,$(RACE))
	$(GOTEST) $(REST)
	cd sandbox && $(GOTEST) $(DETECT) $(SANDBOX_RACE)
	cd sandbox && $(GOTEST) -timeout 60m $(SANDBOX_REST)
	@{ echo "mode: atomic"; grep -hv ^mode: coverage-*.out; } > coverage.out
	@go tool cover -func=coverage.out | awk '/^total:/ { print "statement coverage of stacks, components and agentbundle: " $$3 }'

.PHONY: quick
quick: $(AGENTS) ## Test what the change since BASE (the last commit) touches, within a minute
	go run ./internal/quick $(BASE)

.PHONY: pins
pins: ## List what is pinned, and tell which pins are older than a year (network)
	go run ./internal/pins

.PHONY: test-pure
test-pure: $(AGENTS) $(PEERS) ## Run the tests that need neither Linux nor the AWS SDK
	go test $(PURE)

.PHONY: conformance
conformance: $(AGENTS) $(PEERS) ## Test the server with the MCP conformance suite and other clients
	go run ./internal/conformance

.PHONY: lint
lint: ## Lint with golangci-lint (built from the module proxy)
	go run $(LINT) run --allow-parallel-runners ./...
	cd sandbox && go run $(LINT) run --allow-parallel-runners ./...

.PHONY: actionlint
actionlint: ## Lint the workflows, with shellcheck where it is installed
	@command -v shellcheck >/dev/null || echo "shellcheck is not installed: the lines that run are not linted"
	go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

.PHONY: workflows
workflows: actionlint $(AGENTS) $(PEERS) $(REGISTRY) ## Run the workflows of the last commit here, with the sandbox in place of AWS (Linux)
	go run ./internal/workflows

.PHONY: check
check: lint test workflows conformance ## Everything that CI runs

.PHONY: fuzz
fuzz: ## Run each fuzz target for a minute
	@for package in $$(go list ./agentbundle/... ./components/vpc ./delivery/... ./policies ./server/... ./stacks); do \
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

# What the workflows in .github run. What users of GitHub type comes as variables of
# the environment, which the shell does not read as commands. In place of AWS, PULUMI,
# OPS, OUTPUTS, EXPORT and SMOKE may be the sandbox's: see internal/workflows.
PULUMI ?= pulumi
OPS ?= .delivery/ops
OUTPUTS ?= $(PULUMI) stack output --json --stack "$$STACK"
EXPORT ?= $(PULUMI) stack export --stack "$$STACK"
SMOKE ?= $(OUTPUTS) | $(PRCOMMENT) smoke --outputs - --color "$$STACK"
COMMIT ?= --commit
STACK_FILES ?= .
PRCOMMENT ?= go run ./cmd/prcomment
OUTPUT := "$${GITHUB_OUTPUT:-/dev/stdout}"
SUMMARY := "$${GITHUB_STEP_SUMMARY:-/dev/stdout}"
STACKS_OF_ALL := prod blue green dr
# words are those of the JSON list in $STACKS, shared those that the colours stand on, or
# that stand by.
words = $$(echo "$$STACKS" | tr -c 'a-z\n' ' ')
shared = $$(for stack in $(words); do case $$stack in prod|dr) echo $$stack ;; esac; done)
log_url = "$${GITHUB_SERVER_URL:-https://github.com}/$$GITHUB_REPOSITORY/actions/runs/$$GITHUB_RUN_ID"

# A state says which plugins the engine runs, and from where: it gets none but those of
# make plugins, and trusted refuses the state of STACK before anything of it runs.
export PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION := true
LOCK := delivery/state/plugins.lock
trusted = $(EXPORT) | $(PRCOMMENT) state --stack "$$STACK" --config "$(STACK_FILES)/Pulumi.$$STACK.yaml"

.PHONY: plugins
plugins: ## Install the providers' plugins that the program names, by their checksums
	@grep '^[a-z]' $(LOCK) | while read -r name version sum; do \
		test -n "$$sum" || { echo "$(LOCK): $$name $$version has no checksum: run make plugins-lock and commit it, see docs/delivery.md"; exit 1; }; \
		$(PULUMI) plugin install resource "$$name" "$$version" --exact --checksum "$$sum" < /dev/null || exit 1; done

.PHONY: plugins-lock
plugins-lock: ## Write the checksums that the list of plugins lacks (network)
	@set -eo pipefail; grep '^[a-z]' $(LOCK) | while read -r name version sum; do test -z "$$sum" || continue; \
		sum=$$(curl -fsSL "https://get.pulumi.com/releases/plugins/pulumi-resource-$$name-v$$version-linux-amd64.tar.gz" | sha256sum | cut -d' ' -f1); \
		sed -i "s/^$$name $$version$$/& $$sum/" $(LOCK); done

# What switch carries out is no work for deploy: its change of codeflow:traffic.
settled = sed '/^  codeflow:traffic:/d'

.PHONY: affected
affected: ## Tell which stacks the changes since BASE touch: all, when there is no such commit
	@changed=everything; ! git rev-parse --quiet --verify "$${BASE:-none}^{commit}" > /dev/null || \
		changed=$$(git diff --name-only --no-renames "$$BASE...HEAD"); \
	if test -n "$$WITHOUT_TRAFFIC" && test "$$changed" != everything && \
		cmp -s <(git show "$$BASE:Pulumi.prod.yaml" | $(settled)) <($(settled) Pulumi.prod.yaml); then \
		changed=$$(echo "$$changed" | sed '/^Pulumi.prod.yaml$$/d'); fi; \
	stacks=$$(echo "$$changed" | $(PRCOMMENT) affected) && echo "stacks=$$stacks" >> $(OUTPUT)

.PHONY: newest
newest: ## Refuse to deploy an older commit of main than the last that touches a stack
	@test "$$GITHUB_REF" = refs/heads/main || exit 0; set -e; \
	changed=$$(git diff --name-only --no-renames HEAD...origin/main); later=$$(echo "$$changed" | $(PRCOMMENT) affected 2> /dev/null); \
	if echo "$$later" | grep -qE "$${TOUCHING:-[a-z]}"; then \
		echo "a later commit of main touches $$later: its own run deploys it, and this one's change with it"; exit 1; fi

.delivery/ops: FORCE
	@go build -o $@ ./cmd/ops

.delivery/base: $(AGENTS)
	@git worktree prune && git worktree add --quiet --force --detach $@ "$$BASE"
	npm ci --ignore-scripts --no-audit --no-fund --prefix $@/agents

# Of a preview, .delivery gets what others may see; the whole stays in .delivery/raw.
reduce = raw=".delivery/raw/$$STACK.json"; $(PRCOMMENT) reduce --stack "$$STACK" "$$raw" > ".delivery/$$STACK.json" || status=1; \
	go run ./cmd/policies --markdown "$$raw" > ".delivery/raw/$$STACK.md" || status=1; \
	sed "s/^\*\*Policies:/**Policies of $$STACK:/" ".delivery/raw/$$STACK.md" | $(PRCOMMENT) mask > ".delivery/$$STACK.md" || status=1

.PHONY: preview
preview: $(AGENTS) ## Preview STACK into .delivery, check the rules, and write the plan to the files PLAN.*
	@mkdir -p .delivery/raw; $(trusted) $(if $(PLAN),--save "$(PLAN).state")
	@status=0; $(PULUMI) preview --non-interactive --json --show-sames --stack "$$STACK" $(if $(PLAN),--save-plan "$(PLAN).json") > ".delivery/raw/$$STACK.json" 2> ".delivery/raw/$$STACK.log" || status=1; \
	$(PRCOMMENT) mask < ".delivery/raw/$$STACK.log" >&2; $(reduce); $(if $(PLAN),$(PRCOMMENT) sealed "$(PLAN).json" || status=1;) exit $$status

.PHONY: plan
plan: $(AGENTS) ## Preview those of STACKS that wait for an approval, prod and dr, and keep the plans
	@mkdir -p .delivery/plan; status=0; for stack in $(shared); do \
		$(MAKE) --no-print-directory preview STACK=$$stack PLAN=.delivery/plan/$$stack || status=1; done; exit $$status

.PHONY: sandbox-preview
sandbox-preview: .delivery/base ## Bring BASE up in the sandbox and preview STACKS as they are now, without AWS
	@mkdir -p .delivery/raw; set -e; dir="$(CURDIR)/.delivery/sandbox"; \
	for stack in $(STACKS_OF_ALL); do go run -C .delivery/base/sandbox . --dir "$$dir" --on-paper up --as-is --stack $$stack; done; \
	status=0; for STACK in $(words); do \
		go run -C sandbox . --dir "$$dir" --on-paper preview --as-is --json --stack $$STACK > .delivery/raw/$$STACK.json || status=1; $(reduce); done; exit $$status

.PHONY: agents-diff
agents-diff: .delivery/base ## Show what differs in the agents since BASE
	@set -o pipefail; go run ./cmd/agentbundle diff .delivery/base/agents/bundle.yaml agents/bundle.yaml | $(PRCOMMENT) mask | tee .delivery/agents.txt

.PHONY: comment
comment: ## Write the comment of the previews of STACKS, and fail as the pull request must
	@mkdir -p .delivery; touch .delivery/agents.txt; status=0; \
	for stack in $(words); do cat .delivery/$$stack.md || true; done > .delivery/policies.md; \
	labels=$$(echo "$$LABELS" | tr ',' '\n' | sed -n 's/^\([a-z-][a-z-]*\)$$/--label \1/p'); \
	$(PRCOMMENT) render --affected "$$STACKS" --previews .delivery --agents .delivery/agents.txt \
		--policies .delivery/policies.md $$labels --log-url $(log_url) --out .delivery/comment.md || status=1; \
	cat .delivery/comment.md >> $(SUMMARY); exit $$status

.PHONY: comment-plan
comment-plan: ## The same of what waits for an approval
	@$(MAKE) --no-print-directory comment STACKS="$$(for stack in $(shared); do echo "\"$$stack\""; done | paste -sd, | sed 's/.*/[&]/')"

.PHONY: comment-post
comment-post: ## Write the comment to pull request PULL
	$(PRCOMMENT) post --pull "$$PULL" .delivery/comment.md

.PHONY: image
image: $(AGENTS) ## Build the image and tell its digest
	@digest=$$(go run ./cmd/agentbundle build --json --output .delivery/image | sed -n 's/^ *"digest": "\(.*\)",$$/\1/p') && echo "digest=$$digest" >> $(OUTPUT)

.PHONY: idle
idle: $(filter .delivery/ops,$(OPS)) ## Tell the colour without traffic
	@color=$$($(OPS) idle) && echo "color=$$color" >> $(OUTPUT)

# deployed fails when STACK runs another image than DIGEST, if that is given.
deployed = test -z "$$DIGEST" || $(OUTPUTS) | grep -qF "\"digest\": \"$$DIGEST\"" || \
	{ echo "stack $$STACK does not run $$DIGEST, the image of this deployment"; exit 1; }

.PHONY: up
up: $(AGENTS) ## Bring STACK up, with the image DIGEST, or by the plan in the files PLAN.*, if they are given
	@$(trusted) $(if $(PLAN),--same "$(PLAN).state")
	@set -o pipefail; $(PULUMI) up --yes --non-interactive --stack "$$STACK" $(if $(PLAN),--plan "$(PLAN).json") 2>&1 | $(PRCOMMENT) mask
	@$(deployed)

.PHONY: apply
apply: $(AGENTS) ## Do what was planned, and approved, of STACKS
	@set -e; for stack in $(shared); do $(MAKE) --no-print-directory up STACK=$$stack PLAN=.delivery/plan/$$stack; done

.PHONY: smoke
smoke: ## Ask STACK, a colour, on its own name whether it is well
	$(SMOKE)

.PHONY: switch
switch: $(filter .delivery/ops,$(OPS)) ## Move the traffic to TO, or to what codeflow:traffic announces
	@export STACK="$$TO"; $(deployed)
	@target="--to=$$TO"; test -n "$$TO" || target=--announced; \
	$(OPS) switch "$$target" --or-resume --probe --steps "$$STEPS" --bake "$$BAKE" --guard "$$GUARD" --yes $(COMMIT)

.PHONY: traffic-pull
traffic-pull: ## Open a pull request with the real weights, if ops committed some
	@branch=$$(git branch --list 'ops/traffic-*' --format '%(refname:short)' | tail -1); \
	test -n "$$branch" || { echo "codeflow:traffic is as it was committed"; exit 0; }; \
	header="AUTHORIZATION: basic $$(printf 'x-access-token:%s' "$$GITHUB_TOKEN" | base64 | tr -d '\n')"; \
	GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="http.$${GITHUB_SERVER_URL:-https://github.com}/.extraheader" GIT_CONFIG_VALUE_0="$$header" \
		git push --quiet origin "$$branch" && $(PRCOMMENT) pull --title "$$(git log -1 --format=%s "$$branch")" "$$branch"

.PHONY: rollback
rollback: $(filter .delivery/ops,$(OPS)) ## Make COLOR run its release before
	$(OPS) rollback --color "$$COLOR" --yes

.PHONY: drift
drift: ## Compare every stack with the account
	@rm -rf .delivery/drift; mkdir -p .delivery/drift; for STACK in $(STACKS_OF_ALL); do export STACK; $(trusted) && \
		$(PULUMI) refresh --preview-only --non-interactive --json --stack $$STACK > .delivery/drift/$$STACK.json 2> .delivery/drift/$$STACK.log || true; \
		test ! -f .delivery/drift/$$STACK.log || $(PRCOMMENT) mask < .delivery/drift/$$STACK.log >&2; done
	@$(PRCOMMENT) drift --refreshes .delivery/drift --log-url $(log_url) --out .delivery/drift.md
	@cat .delivery/drift.md >> $(SUMMARY); test ! -s .delivery/drift.md

.PHONY: drift-issue
drift-issue: ## Open, update or close the issue about drift
	$(PRCOMMENT) issue .delivery/drift.md

.PHONY: agents-check
agents-check: $(AGENTS) ## Report everything that is wrong with the agents, on GitHub on their lines
	@test -z "$$GITHUB_ACTIONS" || echo "::add-matcher::.github/agents.json"
	go run ./cmd/agentbundle check

.PHONY: agents-convert
agents-convert: $(AGENTS) ## Write the agents in the formats of other tools
	@mkdir -p .delivery; for format in claude-code cursor opencode; do \
		go run ./cmd/agentbundle convert --to $$format --out .delivery/$$format > .delivery/$$format.txt || exit 1; \
		echo "$$format: $$(wc -l < .delivery/$$format.txt) files"; done

# The npm package is in the folder PACKAGE, and goes to NPM_REGISTRY.
NPM := go run ./cmd/npmrelease
NPM_REGISTRY ?= https://registry.npmjs.org/
NPM_FLAGS ?=
# bun is the folder of the one that runs: npm may install one for each C library.
bun = $$(for bin in "$(CURDIR)"/peers/node_modules/@oven/bun-*/bin; do if "$$bin/bun" --version > /dev/null 2>&1; then echo "$$bin"; break; fi; done)
CHECKED := .delivery/npm
checked = --tarball $(CHECKED)/package.tgz --integrity "$$INTEGRITY" --registry $(NPM_REGISTRY)

.PHONY: npm-check npm-publish npm-verify npm-deprecate
npm-check: $(PEERS) ## Do what comes before publishing the npm package, pack it and tell its hash
	@test -z "$$TOOLS" || test "$$(git rev-parse HEAD)" = "$$TOOLS" || { echo "tools must be the commit that the workflow is called at, got $$TOOLS"; exit 1; }
	$(NPM) check --path "$$PACKAGE" --out $(CHECKED) --registry $(NPM_REGISTRY) --bin "$(bun)" $(NPM_FLAGS)
	@echo "integrity=$$(cat $(CHECKED)/integrity)" >> $(OUTPUT)
npm-publish: ## Publish what was checked, the tarball whose hash is INTEGRITY
	$(NPM) publish $(checked) $(NPM_PUBLISH_FLAGS)
npm-verify: ## Compare what npm has with it (exit code 3: published, not visible yet)
	$(NPM) verify $(checked)
npm-deprecate: ## Warn users of VERSION, and lead them to USE
	$(NPM) deprecate --path "$$PACKAGE" --registry $(NPM_REGISTRY) --version "$$VERSION" --use "$$USE" --message "$$MESSAGE"

.PHONY: npm-rehearsal
npm-rehearsal: $(AGENTS) $(PEERS) $(REGISTRY) ## Release the pinned npm package to a registry on this machine
	$(NPM) rehearse

.PHONY: vulnerabilities
vulnerabilities: ## Look the modules up in Go's vulnerability database (network)
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...
	cd sandbox && go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...

.PHONY: image-scan
image-scan: ## The same for the program in the image, which has nothing else in it
	@mkdir -p .delivery && CGO_ENABLED=0 go build -trimpath -o .delivery/codeflow-server ./cmd/codeflow-server
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 -mode binary .delivery/codeflow-server

.PHONY: build-pure
build-pure: ## Compile all but what links the AWS SDK
	go build $(PURE)

.PHONY: FORCE
FORCE:

%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --prefix $*
	@touch $@

.PHONY: clean
clean: ## Remove what make made, except the sandbox
	rm -rf bin agents/node_modules peers/node_modules npmrelease/registry/node_modules .delivery coverage*.out
