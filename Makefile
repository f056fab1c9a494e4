# Everything people and CI run. `make` alone tells what there is.
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast reference bench chaos kibana soak fuzz audit lint format lock docs site clean
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
INSTALLED := .venv/installed

help: ## Show this help
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | while IFS='	' read -r target text; do \
		printf '  make %-10s %s\n' "$$target" "$$text"; done

setup: $(INSTALLED) ## Create .venv with the command .venv/bin/millrace, as locked

$(INSTALLED): requirements/all.lock requirements/build.lock requirements/installer.lock \
		pyproject.toml scripts/setup
	@echo "Installing into .venv (some 800 MB to download) ..." >&2
	@PYTHON="$(PYTHON)" scripts/setup
	@touch $@

demo: $(INSTALLED) ## Run the main job on real flights; EVENTS=20000 takes a subset
	@$(BIN)/millrace demo $(if $(EVENTS),--events "$(EVENTS)") $(ARGS)

test: $(INSTALLED) ## Run all tests, on a real Kafka and a real Elasticsearch
	@$(BIN)/python -m pytest -n auto --dist loadscope --no-loadscope-reorder $(ARGS)

test-fast: $(INSTALLED) ## Run the tests that need neither
	@$(BIN)/python -m pytest -m 'not stack and not kibana' $(ARGS)

reference: .venv-reference/installed ## Compute what Evidently and NannyML say of the tests' data
	@.venv-reference/bin/python tests/drift/reference_figures.py

.venv-reference/installed: $(INSTALLED) requirements/reference.lock scripts/setup-reference
	@echo "Installing what figures are compared with into .venv-reference (some 1 GB) ..." >&2
	@scripts/setup-reference
	@touch $@

bench: $(INSTALLED) .venv-bench/installed ## Measure against peers (an hour); ARGS="throughput --rounds 3"
	@$(BIN)/python -m benchmarks $(ARGS)

.venv-bench/installed: $(INSTALLED) requirements/peers.lock scripts/setup-peers
	@echo "Installing what is measured against into .venv-bench (some 150 MB) ..." >&2
	@scripts/setup-peers
	@touch $@

soak: $(INSTALLED) ## Run everything at a steady rate for an hour; ARGS="--minutes 5 --rate 500"
	@$(BIN)/python -m benchmarks.soak $(ARGS)

chaos: $(INSTALLED) ## Run the fault suite (half an hour and more); SEED=1 ROUNDS=5 ONLY=broker
	@$(BIN)/python -m pytest -m chaos $(if $(ONLY),-k "$(ONLY)") $(ARGS)

kibana: $(INSTALLED) ## Import the dashboards into a real Kibana in Docker, and compare
	@$(BIN)/python -m pytest -m kibana $(ARGS)

fuzz: $(INSTALLED) ## Fuzz what reads bytes of strangers, FUZZ_SECONDS=60 for each target
	@$(BIN)/python tests/fuzz/guided.py --seconds "$(or $(FUZZ_SECONDS),60)" \
		--corpus .hypothesis/fuzz $(ARGS)

audit: $(INSTALLED) ## Look up known vulnerabilities of all that is locked (needs the network)
	@PYTHON="$(PYTHON)" scripts/audit

lint: $(INSTALLED) ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/architecture

format: $(INSTALLED) ## Put the code in its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## Resolve the dependencies anew into requirements/*.lock
	@scripts/lock
	@$(MAKE) setup

docs: $(INSTALLED) ## Generate the parts of docs/ that come from the code
	@$(BIN)/python -m contracts.settings_table > docs/settings.md
	@if [ -f contracts/schemas.py ]; then $(BIN)/python -m contracts.schemas docs; fi

site: $(INSTALLED) ## Build the documentation as a site that needs no network: site/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict $(ARGS)
	@echo "site/index.html; or .venv/bin/mkdocs serve, which builds anew what you change" >&2

clean: ## Delete .venv and all caches; keeps data, see 'millrace down --wipe'
	rm -rf .venv .venv-lock .venv-bench .venv-reference .mypy_cache .pytest_cache .ruff_cache .hypothesis dist site
	find . -name __pycache__ -type d -not -path './.millrace/*' -prune -exec rm -rf {} +
