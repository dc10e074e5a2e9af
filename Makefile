# Every target is one door to one tool; `make` alone lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PLANS  ?= 300
SEED   ?= 1
PROFILE ?= light
POLICIES := examples/backoffice/policies tests/lab/policies chaos/project/policies
# Twice the cores of the smallest machine: half of the time goes by waiting for a stack.
TESTERS ?= 4

.DEFAULT_GOAL := help
.PHONY: help install programs demo up down test unit large full lint types policy rules policy-map bench egress secrets drill chaos lock schemas clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.installed ## Make the virtual environment with pinned, hashed packages

$(VENV)/.installed: requirements.lock pyproject.toml
	@sh deploy/install.sh "$(PYTHON)" "$(VENV)"

programs: install ## Find or install Temporal and OPA; PROFILE=full: Temporal's server too
	@$(BIN)/python -m remit.cli.stack.fetch $(PROFILE)

demo: install ## Run the main job for real: a purchase approved from the CLI, then one undone
	@$(BIN)/python -m examples.demo

up: install ## Start a stack on the back office; PROFILE=full: on PostgreSQL
	@$(BIN)/remit up examples/backoffice $(if $(filter full,$(PROFILE)),--profile full)

down: install ## Stop it
	@$(BIN)/remit down examples/backoffice

# Tests start hundreds of Python processes; where nothing is compiled beforehand, each compiles all it imports.
test unit large full: export PYTHONDONTWRITEBYTECODE =

test: install programs ## Run every check and every test
	@$(MAKE) -j 2 lint types rules
	@$(BIN)/python -m pytest -n $(TESTERS) --dist loadgroup -q

unit: install ## Run the tests that need no server
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m "not stack and not opa"

large: install programs ## Run the largest plans, the fault machine in miniature, properties with all examples
	@$(BIN)/python -m pytest -q -m large
	@REMIT_TEST_EXAMPLES=all $(BIN)/python -m pytest -q -n 2 --dist loadgroup -m "not stack and not large" \
		$$(grep -rlE --include='test_*.py' '^(from|import) hypothesis' tests)

full: install ## Run the tests of the profile full; needs PostgreSQL, builds Temporal's server
	@$(BIN)/python -m remit.cli.stack.fetch full
	@$(BIN)/python -m pytest -q -m full

lint: install ## Style, imports, and which room may import which
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: install ## Types, strictly
	@$(BIN)/mypy

policy: install ## Rego: check, format, lint, test, coverage, map, and a mutant for every condition
	@$(BIN)/python -m remit.cli.policy.check $(POLICIES)

rules: install ## The same without the mutants: seconds
	@$(BIN)/python -m remit.cli.policy.check --quick $(POLICIES)

policy-map: install
	@$(BIN)/python -m remit.cli.policy.check --map $(POLICIES)

bench: install ## Measure governed against bare, side by side
	@$(BIN)/python -m benchmarks

egress: install ## Show that calls reach what their contracts list, and nothing else
	@$(BIN)/python -m pytest -q -n0 tests/tool/test_reach.py tests/activities/test_egress.py \
		tests/activities/test_egress_proxy.py tests/activities/test_http_evasion.py tests/activities/test_http_tool.py

secrets: install programs ## Show that secrets are read anew for each call, and are found nowhere after a run
	@$(BIN)/python -m pytest -q -n0 tests/secrets tests/activities/test_secrets.py tests/activities/test_oauth.py \
		tests/activities/test_oauth_faults.py tests/cli/test_cli_secrets.py tests/cli/test_cli_oauth.py

drill: install programs ## Lose everything and come back from a backup; prints loss and time
	@$(BIN)/python -m examples.drill

chaos: install programs ## Break everything under generated plans; PLANS= SEED= PROFILE= EXHAUSTIVE=1
	@$(BIN)/python -m chaos --plans $(PLANS) --seed $(SEED) --profile $(PROFILE) \
		$(if $(EXHAUSTIVE),--exhaustive)

# All but `presidio`, which brings 390 MB that nobody else needs.
LOCKED := backoffice console keyring mcp model notify postgres vault

lock: install ## Pin the packages again
	@$(BIN)/uv pip compile pyproject.toml $(LOCKED:%=--extra %) --group dev --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 -q -o requirements.lock

schemas: install ## Write the generated schemas and references again
	@$(BIN)/python -m remit.decision.schema policies
	@$(BIN)/python -m remit.plan.publish schema > docs/reference/plan.schema.json
	@$(BIN)/python -m remit.plan.publish diagnostics > docs/reference/diagnostics.md
	@$(BIN)/python -m docs.reference.messages > docs/reference/messages.md

clean: ## Remove what was built
	rm -rf build dist .venv .pytest_cache .mypy_cache .ruff_cache .policy_cache
