# Needs python3 (3.11 or newer, with venv) and make; everything else is fetched, hash-checked, from the locks.

PYTHON ?= python3
VENV := .venv
# Apart from .venv, so that a user's environment keeps without pandas, which slows every dlt run.
DEV := .venv-dev
UV := $(VENV)/bin/uv
COMPILE := UV_NO_CONFIG=1 $(UV) pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock" $(UPGRADE)

# Installs a lock, then this project beside its SQL: $(call INSTALL,environment,lock).
# Compiled at once: importing dlt takes twice as long otherwise, each time where Python may not write.
# uv is fast but reads no pip.conf; where an index or a certificate is only known there, pip takes over.
PIP := $(VENV)/bin/python -m pip --quiet --disable-pip-version-check
define INSTALL
	@$(UV) pip sync --quiet --compile-bytecode --python $(1) --require-hashes $(2) \
		|| { echo "uv could not fetch the packages; trying pip." >&2; \
		$(PIP) --python $(1) install --require-hashes --no-deps -r $(2); }
	@$(UV) pip install --quiet --python $(1) --offline --no-deps --no-build-isolation --editable .
endef

.PHONY: help setup demo test test-slow test-browser test-engines check docs pictures soak lock clean

help:
	@echo "make demo    the whole job against a local stand-in for Partner Center"
	@echo "make test    the everyday tests"
	@echo "make test-slow      the tests that take seconds each"
	@echo "make test-browser   the report in Chromium (Debian: apt install chromium)"
	@echo "make test-engines   every mart on PostgreSQL and Spark (apt install postgresql openjdk-17-jre-headless)"
	@echo "make check   style, types, every SQL file"
	@echo "make docs    the documents that are made from the code"
	@echo "make pictures       those in the README (Debian: apt install chromium)"
	@echo "make soak    the long sweeps"
	@echo "make setup   only the environment ($(VENV))"
	@echo "make lock    the locks, after a change in pyproject.toml (UPGRADE=--upgrade: newest of all)"
	@echo "make clean   removes environments and caches"

setup: $(VENV)/.ready

demo: $(VENV)/.ready
	$(VENV)/bin/referrals demo

test: $(DEV)/.ready
	$(DEV)/bin/python -m pytest --numprocesses auto

test-slow: $(DEV)/.ready
	$(DEV)/bin/python -m pytest -m "slow and not sweep" --numprocesses auto

test-browser: $(DEV)/.ready
	$(DEV)/bin/python -m pytest -m browser

test-engines: $(DEV)/.ready
	$(DEV)/bin/python -m pytest -m engines

check: $(DEV)/.ready
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports
	$(DEV)/bin/python -m pytest --quiet tests/project/test_project.py

docs: $(DEV)/.ready
	$(DEV)/bin/python docs/scripts/data_dictionary.py
	$(DEV)/bin/python docs/scripts/configuration.py
	$(DEV)/bin/python docs/scripts/power_bi.py

pictures: $(DEV)/.ready
	$(DEV)/bin/python docs/scripts/pictures.py

soak: $(DEV)/.ready
	$(DEV)/bin/python -m pytest -m sweep --timeout=0 --numprocesses auto -s $(SHORT) $(SWEEPS)

# A stamp is written last: whatever breaks off before it is done again from the start.
$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, but $(PYTHON) is not that: make PYTHON=python3.12 (or where yours is)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) lacks the venv module: install it (Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@echo "making $(VENV), once"
	@$(PYTHON) -m venv --clear $(VENV)
	@sed -n '/^uv==/,/^ *#/p' requirements.lock > $(VENV)/uv.txt
	@$(PIP) install --require-hashes --no-deps -r $(VENV)/uv.txt
	$(call INSTALL,$(VENV),requirements.lock)
	@touch $@

$(DEV)/.ready: $(VENV)/.ready requirements-dev.lock
	@echo "making $(DEV), once"
	@$(UV) venv --quiet --clear --python $(VENV)/bin/python $(DEV)
	$(call INSTALL,$(DEV),requirements-dev.lock)
	@touch $@

# Locks name no package index: whoever installs chooses theirs.
lock: $(VENV)/.ready
	$(COMPILE) --group setup --output-file requirements.lock
	$(COMPILE) --group setup --group dev --constraints requirements.lock --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) $(DEV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
