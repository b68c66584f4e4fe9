# Every target works as the first command on a fresh machine with Python 3.11 and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO := data-demo
PIP := $(BIN)/python -m pip --disable-pip-version-check
PIP_LOG := $(VENV)/pip.log

.DEFAULT_GOAL := help
.PHONY: help install venv-module tools demo test image-test kills power mutants soak fuzz floats sanitized quick lint types docs bench wheels clean

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

install: $(INSTALLED) ## make .venv with ticktape and all it takes to work on it

demo: $(INSTALLED) ## record an invented market for 20 s, then ask it in SQL
	@$(BIN)/ticktape demo --data $(DEMO)

test: lint types tools ## lint, types, and all tests
	@$(BIN)/pytest -n 2 --dist loadfile

kills: $(INSTALLED) ## 200 SIGKILLs of recorder and roller under load, about 20 minutes
	@KILLS=200 $(BIN)/pytest -q -s tests/test_kills.py

power: $(INSTALLED) ## 100,000 power cuts on a simulated disk, about 20 minutes
	@$(BIN)/python -m tests.power

soak: $(INSTALLED) ## a trading week in virtual time with 100 faults, about 30 minutes
	@SOAK_DAYS=5.4 SOAK_FAULTS=100 $(BIN)/pytest -q -s tests/test_soak.py

image-test: $(INSTALLED) ## build the container image without a base image, and record in it, about 10 minutes
	@$(BIN)/python -m tests.debian buildah debootstrap
	@IMAGE=1 $(BIN)/pytest -q -s tests/test_image.py

fuzz: $(INSTALLED) ## ten million mutated frames and a million damaged tapes, about 20 minutes
	@$(BIN)/python -m tests.fuzz frames
	@$(BIN)/python -m tests.fuzz tape

floats: $(INSTALLED) ## compare the kernel's numbers with Python's, 10^8 texts, about 5 minutes
	@$(BIN)/python -m tests.kernel.floats

sanitized: $(INSTALLED) ## the kernel under sanitizers: mutated frames, damaged tapes, merged rows, about 10 minutes
	@SANITIZED_READS=2000 $(BIN)/pytest -q -s tests/kernel/test_sanitized.py

mutants: $(INSTALLED) ## change tape, decoder and lake in small ways, and see whether the fast tests notice, an hour or two; SAMPLE=300 tries fewer
	@$(BIN)/python -m tests.mutants $(if $(SAMPLE),--sample $(SAMPLE))

quick: $(INSTALLED) ## the fast tests
	@$(BIN)/pytest -q -n 2 --dist loadfile -m 'not slow'

lint: $(INSTALLED) ## ruff
	@$(BIN)/ruff check

types: $(INSTALLED) ## mypy
	@$(BIN)/mypy

docs: $(INSTALLED) ## write docs that follow from the code anew
	@$(BIN)/python -m capture.cli.generate.documents docs
	@$(BIN)/python -m tests.docs.cookbook

bench: $(INSTALLED) ## measure every row of the table of speed, rivals beside; goes on where it was broken off
	@$(BIN)/python -m bench.all

wheels: $(INSTALLED) ## the source archive, and wheels for Linux and macOS, into dist/, a few minutes
	@$(PIP) install --quiet --group wheels
	@$(BIN)/python -m capture.kernel.making.wheels dist

clean: ## remove all that was made here, but not what was recorded
	@rm -rf $(VENV) $(DEMO) .bench build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@rm -f capture/kernel/libkernel.so capture/kernel/not_built.txt
	@find capture schemas cli tests bench -name __pycache__ -prune -exec rm -rf {} +

# A .venv without pip is one that Debian's python3 left unfinished for want of its venv package.
$(INSTALLED): pyproject.toml $(wildcard capture/kernel/*.[ch] capture/kernel/making/*.py)
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "ticktape needs Python 3.11 or newer: install it, or name it with make PYTHON=…" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || \
		{ $(MAKE) --no-print-directory venv-module && $(PYTHON) -m venv --clear $(VENV); }
	@echo "installing into $(VENV), a minute or two the first time" >&2
	@{ $(PIP) install --upgrade 'pip>=25.1' && $(PIP) install --group dev --editable .; } >$(PIP_LOG) 2>&1 || \
		{ cat $(PIP_LOG) >&2; echo "the installation failed: see above, or $(PIP_LOG)" >&2; exit 1; }
	@touch $@

tools: $(INSTALLED) ## get Debian programs that some tests run; what cannot be had skips them
	@$(BIN)/python -m tests.debian
	@$(BIN)/python -m tests.browser

# Debian keeps what `python3 -m venv` needs in a package of its own.
venv-module:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		package=$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
		then echo "installing $$package" >&2; export DEBIAN_FRONTEND=noninteractive; \
			apt-get update -qq && apt-get install -qq -y $$package >/dev/null; \
		else echo "this Python cannot make a venv: run  sudo apt-get install $$package  and try again" >&2; exit 1; \
		fi; }
