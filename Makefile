.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# Tools that are not cargo's own live in the project's folder.
TOOLS := .venv
export SAM_CLI_TELEMETRY := 0
export AWS_DEFAULT_REGION ?= eu-west-1

# `--workspace` everywhere: another selection has other features, and builds the world anew.
TARGET := $(or $(CARGO_TARGET_DIR),target)

# Each test in a process of its own where nextest is there; plain cargo otherwise.
RUN_TESTS := $(if $(shell command -v cargo-nextest),cargo nextest run,cargo test --tests)

.PHONY: help dev test check fmt lint doc interop deny template build bench deploy

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

dev: ## Serve everything on http://127.0.0.1:3000 (ARGS="--help" lists options)
	@cargo build --workspace --bins
	@$(TARGET)/debug/local $(ARGS)

test: ## Every test: no network, no credentials, no service to start
	cargo build --workspace --bins
	cargo test --workspace --doc --quiet
	$(RUN_TESTS) --workspace

check: ## The gate: format, lints, tests, docs, interoperation, dependencies, template
	cargo fmt --all --check
	$(MAKE) lint
	$(MAKE) test
	$(MAKE) doc
	$(MAKE) interop
	$(MAKE) deny
	$(MAKE) template

fmt: ## Format the code
	cargo fmt --all

lint: ## Clippy, warnings are errors
	cargo clippy --workspace --all-targets -- -D warnings

doc: ## The API documentation, warnings are errors
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

interop: $(TOOLS)/bin/pyjwt ## PyJWT verifies our tokens by our JWKS
	cargo build --workspace --bins
	$(TOOLS)/bin/python tests/interop/verify.py $(TARGET)/debug

deny: ## Banned crates, licences and sources of all dependencies
	@command -v cargo-deny >/dev/null || cargo install --locked --no-default-features cargo-deny@0.20.2
	cargo deny check bans licenses sources

template: $(TOOLS)/bin/sam ## Lint template.yaml
	$(TOOLS)/bin/sam validate --lint --template template.yaml

build: ## Optimised functions for the architecture of template.yaml, by SAM
	sam build

bench: ## Cold start, latency, CPU and memory of the functions, as ratios to a constant answer
	cargo build --release
	cargo build --release --package auth-tests --bins
	cargo run --quiet --release --package auth-tests --bin bench

deploy: build ## To AWS (first time: sam deploy --guided)
	sam deploy

$(TOOLS)/bin/pip:
	python3 -m venv $(TOOLS)

$(TOOLS)/bin/sam: $(TOOLS)/bin/pip
	$(TOOLS)/bin/pip install --quiet aws-sam-cli==1.170.0

# PyJWT has no command of its own; the file says that it is there.
$(TOOLS)/bin/pyjwt: $(TOOLS)/bin/pip
	$(TOOLS)/bin/pip install --quiet 'pyjwt[crypto]==2.15.1'
	touch $@
