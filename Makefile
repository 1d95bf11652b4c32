# Everything a person or a build machine does with Waybill. Each target does its own set-up; it needs Rust (with
# rustfmt and clippy), a C compiler, make and Python 3 (with venv). `make help` lists the targets.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

CARGO ?= cargo
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
WAYBILL := $(abspath $(TARGET_DIR)/release/waybill)
# What tries the engine is not optimised across crates: each binary would take minutes more to link, for nothing.
TOOLS := $(TARGET_DIR)/tools
# A build machine must use exactly the versions of Cargo.lock; a person may just have changed a manifest.
LOCKED := $(if $(CI),--locked,)

# How long the long ones run.
CRASH_ROUNDS ?= 20
POWERCUT_ROUNDS ?= 8
RACE_ROUNDS ?= 1000
CHAOS_ROUNDS ?= 2
BENCH_SECONDS ?= 60
SOAK_SECONDS ?= 3600
MIGRATE_ORDERS ?= 500000

.PHONY: help build check fmt-check clippy proto-lint test test-rust test-python test-cluster chaos demo crash powercut races scale bench bench-cluster migrate-scale bench-sourcing \
	soak soak-load deny fmt clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

build: waybill tools ## build everything, optimised, and leave target/release/waybill

.PHONY: waybill tools
waybill: ## build target/release/waybill alone, optimised
	$(CARGO) build $(LOCKED) --release -p waybill

tools:
	$(CARGO) build $(LOCKED) --profile tools -p waybill-integration-tests --bins

check: fmt-check proto-lint clippy ## format, lints of code and contracts

fmt-check:
	$(CARGO) fmt --all --check

fmt: ## format the code in place
	$(CARGO) fmt --all

clippy:
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings

proto-lint:
	venv=$$(scripts/venv) && "$$venv/bin/buf" lint

test: test-rust test-python ## every test: Rust, then the Python client against a running server

# The binaries come first: tests that boot a server start the one beside them. They are built together with the tests,
# since alone they would have their dependencies built a second time with fewer features. nextest is faster where it is
# installed, but leaves out the examples in documentation; plain `cargo test` needs nothing installed.
BINARIES := $(CARGO) build $(LOCKED) --workspace --bins --tests

test-rust:
	$(BINARIES)
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		set -x; $(CARGO) nextest run $(LOCKED) --workspace --no-fail-fast && \
		$(CARGO) test $(LOCKED) --workspace --doc; \
	else \
		set -x; $(CARGO) test $(LOCKED) --workspace --no-fail-fast; \
	fi

test-python:
	$(BINARIES)
	scripts/test-python

test-cluster: ## both engines of several processes, with every fault of docs/failures.md; the journeys over three
	CARGO="$(CARGO)" scripts/test-cluster

demo: waybill ## a retailer of 1,000 stores takes 20,000 orders; ends with a summary and a clean audit
	$(WAYBILL) demo

crash: build ## kill -9 at random moments under load, CRASH_ROUNDS times; judged by ledger and audit
	WAYBILL_BIN=$(WAYBILL) $(TOOLS)/crash --rounds $(CRASH_ROUNDS)

powercut: build ## cut a disk image under the server, POWERCUT_ROUNDS times (needs root and loop mounts)
	WAYBILL_BIN=$(WAYBILL) $(TOOLS)/powercut --rounds $(POWERCUT_ROUNDS)

chaos: build ## three processes under load and every fault, CHAOS_ROUNDS times each; ENGINE=postgres, nats or nats3; FAULTS=a,b
	WAYBILL_BIN=$(WAYBILL) $(TOOLS)/chaos --rounds $(CHAOS_ROUNDS) --engine $(or $(ENGINE),postgres) \
		$(if $(FAULTS),--faults $(FAULTS))

races: build ## two clients want what excludes each other, RACE_ROUNDS times per race; each round has one outcome
	WAYBILL_BIN=$(WAYBILL) $(TOOLS)/races --rounds $(RACE_ROUNDS)

scale: waybill ## 1,000,000 positions and 500,000 orders; 2,000,000 orders to find: memory, disk, restart, latency
	$(WAYBILL) bench scale
	$(WAYBILL) bench find

bench: waybill ## place, mixed, hot, availability and promise, each with its RESULT line
	$(WAYBILL) bench place --seconds $(BENCH_SECONDS)
	$(WAYBILL) bench mixed --seconds $(BENCH_SECONDS)
	$(WAYBILL) bench hot --seconds $(BENCH_SECONDS)
	$(WAYBILL) bench availability --seconds $(BENCH_SECONDS)
	$(WAYBILL) bench promise --seconds $(BENCH_SECONDS)

bench-cluster: waybill tools ## place orders at 1, 2 and 3 processes over PostgreSQL and over three NATS servers; the table of docs/scaling.md
	scripts/bench-cluster $(WAYBILL) $(TOOLS)/with_journal $(BENCH_SECONDS)

migrate-scale: waybill tools ## carry MIGRATE_ORDERS orders into each engine and back; the table of docs/operating.md; ENGINE=postgres, nats or nats3
	scripts/migrate-scale $(WAYBILL) $(TOOLS)/with_journal $(MIGRATE_ORDERS) $(ENGINE)

bench-sourcing: ## exact sourcing on one core, the usual rules beside it, HiGHS; BASKETS=FILE for recorded baskets
	$(CARGO) build $(LOCKED) --release -p waybill-sourcing --example bench_sourcing
	venv=$$(scripts/venv bench) && $(TARGET_DIR)/release/examples/bench_sourcing \
		--highs "$$venv/bin/python" tools/highs.py $(if $(BASKETS),--baskets $(BASKETS))

soak: ## random histories on and on for SOAK_SECONDS (or SECONDS), judged by the model; prints the seed that fails
	WAYBILL_MODEL_SECONDS=$(or $(SECONDS),$(SOAK_SECONDS)) $(CARGO) test $(LOCKED) --profile tools \
		-p waybill-integration-tests --test model every_history -- --nocapture

soak-load: build ## place orders for SOAK_SECONDS, then 500 rounds of kills
	$(WAYBILL) bench place --seconds $(SOAK_SECONDS)
	WAYBILL_BIN=$(WAYBILL) $(TOOLS)/crash --rounds 500

deny: ## licences, advisories and bans by cargo-deny, where it is installed (see deny.toml)
	@$(CARGO) deny --version >/dev/null 2>&1 || { \
		echo "cargo-deny is not installed: cargo install --locked cargo-deny (some minutes)" >&2; exit 1; }
	$(CARGO) deny check

clean: ## remove what was built and the Python environment
	$(CARGO) clean
	rm -rf .cache
