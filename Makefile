# What a checkout can do. Paths are relative throughout, so that a checkout may lie anywhere, in a
# folder with a space in its name too. PYTHON=… chooses the Python that .venv is made from.

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCK := requirements/dev.txt
# Arguments for pytest or the benchmarks: make test ARGS="-k stream"
ARGS ?=

.PHONY: run test test-all check bench format models lock clean

# Set everything up, start the server, and train a first character if the home is new.
run: $(VENV)/.installed
	@exec $(BIN)/bluey-admin up

# All tests that this machine can run; what it can't is listed with the reason.
test: $(VENV)/.installed
	@$(BIN)/python -m pytest $(ARGS)

# Those that take long as well, and more of what is drawn at random; and every client that
# tests/clients knows, each in an environment in .venv-clients (1.2 GB in all).
test-all: $(VENV)/.installed
	@BLUEY_SCHEDULES=200 BLUEY_REQUESTS=2000 BLUEY_KILLS=20 BLUEY_FIRST_REQUESTS=20 \
		$(BIN)/python -m pytest --slow --clients $(ARGS)

# Form, types, and which package may import which.
check: $(VENV)/.installed
	@$(BIN)/ruff format --check --quiet . || { echo "error: unformatted files: make format" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# Measure this machine and write benchmarks/README.md; make bench ARGS="--only P4,P5"
bench: $(VENV)/.installed
	@$(BIN)/python -m benchmarks $(ARGS)

format: $(VENV)/.installed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# Make the embedded models anew from the text in this repository.
models: $(VENV)/.installed
	@$(BIN)/python -m bluey_admin.embedded

# Choose the newest allowed versions of all dependencies; uv must be installed.
lock:
	@requirements/make-lock

clean:
	@rm -rf $(VENV) .venv-clients

# Three steps, each with a stamp: a changed lock installs again, a changed pyproject.toml only
# links again, and nothing changed costs nothing. Hashes hold every download to what was locked.
$(VENV)/.made: requirements/find-python
	@python=$${PYTHON:-"$(PYTHON)"}; \
	[ -n "$$python" ] || python=$$(requirements/find-python) || exit 1; \
	echo "Making $(VENV) with $$python"; \
	rm -rf $(VENV) && "$$python" -m venv $(VENV) && touch $@

$(VENV)/.locked: $(VENV)/.made $(LOCK)
	@echo "Installing what $(LOCK) lists into $(VENV) (some 200 MB at first; a minute or several)"
	@$(PIP) install --require-hashes -r $(LOCK)
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
