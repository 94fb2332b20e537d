# The front door. Every target sets up what it needs, so each works alone on a fresh machine.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
POLICIES := target/policies

.PHONY: help
help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | sort | while IFS=$$'\t' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

.PHONY: setup
setup: ## Install what building needs (compiler, Go, tools), where it is missing
	@tests/setup

.PHONY: servers
servers: setup ## Install the database servers that the tests start for themselves
	@tests/setup servers

.PHONY: policies
policies: setup ## Build the policies as Wasm components into target/policies
	@policies/build
	@cp policies/policies.yaml $(POLICIES)/policies.yaml

.PHONY: build
build: policies ## Build tidegate and its policies, optimised
	@cargo build --release --locked -p tidegate

.PHONY: cluster
cluster: setup ## Build the control plane that tests and demo use, once, into the user's cache folder
	@tests/cluster/get >/dev/null

.PHONY: lint
lint: setup ## Formatting, clippy without a warning, licences and bans
	@cargo fmt --all --check
	@cargo clippy --locked --workspace --all-targets -- -D warnings
	@cargo-deny --log-level error check bans licenses sources

.PHONY: test
test: servers policies cluster lint ## All tests, against a real API server
	@TIDEGATE_PROGRAM=$(abspath $(or $(CARGO_TARGET_DIR),target))/debug/tidegate cargo test --locked --workspace --no-fail-fast

.PHONY: bench
bench: servers policies cluster ## Figures beside their targets, and beside a bare server of the same run (ARGS="--rounds 1 --seconds 0.3")
	@tests/bench $(ARGS)

.PHONY: soak
soak: policies ## Bad input, bad policies, bad connections, 100,000 reviews; asserts answers, memory and descriptors
	@tests/soak $(ARGS)

.PHONY: demo
demo: servers policies cluster ## The gate in a minute: a real API server, a database, a denied column drop (KEEP=1 leaves it running)
	@tests/demo
