# Hostel's commands. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON := .venv/bin/python
# Nothing here is a file, and nothing gains from running side by side.
.PHONY: help serve setup test lint format lock docs guest frontend migrate shell env clean distclean
.NOTPARALLEL:

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: setup ## start everything on http://localhost:8787 (HOSTEL_PORT); Ctrl-C stops it
	@exec $(PYTHON) -m ops serve

setup: ## make or update .venv from the hashed pins
	@python=$$(scripts/python) && exec "$$python" -I platform/ops/environment.py

test: lint ## lint, then run the tests (TESTS=tests/ops to choose; DATABASE_URL, REDIS_URL to use those)
	@$(PYTHON) -m sandbox.guest.build --home var/guest
	@$(PYTHON) -m ui.frontend.build --home var/frontend
	@$(PYTHON) -m pytest $(PYTEST_FLAGS) $(TESTS)

lint: develop ## ruff, mypy, import contracts
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check --quiet .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports --no-cache --no-logo

format: develop ## let ruff rewrite the source
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

.PHONY: develop
develop:
	@python=$$(scripts/python) && exec "$$python" -I platform/ops/environment.py --dev

lock: develop ## write requirements*.txt from requirements*.in: pins and hashes, no addresses
	@scripts/lock

docs: develop ## write the tables of docs/ that the code knows best (settings, error codes)
	@$(PYTHON) -m ops docs

.PHONY: bench
bench: setup ## measure Hostel beside workerd, about 15 minutes (QUICK=1 for a look, BENCH=hello,cold to choose, ROUNDS=n)
	@$(PYTHON) -m bench

.PHONY: conformance
conformance: develop ## run Web Platform Tests as workers (WPT_DIR=a checkout of them) and write docs/conformance.md
	@test -n "$(WPT_DIR)" || { echo "WPT_DIR=… says where web-platform-tests are"; exit 2; }
	@$(PYTHON) -m sandbox.guest.build --home var/guest
	@$(PYTHON) tests/sandbox/conformance/run.py "$(WPT_DIR)"

guest: setup ## build the JavaScript guest (cached by content)
	@$(PYTHON) -m sandbox.guest.build --home var/guest

frontend: setup ## fetch the editor and the charts (cached)
	@$(PYTHON) -m ui.frontend.build --home var/frontend

migrate: setup ## bring the database up to date without starting anything
	@$(PYTHON) -m ops migrate

shell: setup ## Django's shell
	@$(PYTHON) manage.py shell

env: ## print shell exports for curl, wrangler and Alchemy: eval "$(make -s env)"
	@$(PYTHON) -m ops env

clean: ## remove caches; keeps var/ (your data) and .venv
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './.venv/*' -not -path './var/*' -prune -exec rm -rf {} +

distclean: clean ## remove .venv too; var/ still stays
	@rm -rf .venv
