# The one door. `make help` lists it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
export OMP_WAIT_POLICY ?= passive

.PHONY: help setup demo test test-all check format bench clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | awk -F: '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(STAMP)  ## create .venv with everything the project needs (first run: a few minutes)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 10) else "Python 3.10 or newer is needed; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[backend,dev]'
	@touch $@

demo: $(STAMP)  ## remove a person from the sample shot; pictures in out/demo
	rm -rf out/demo
	$(BIN)/propainter-remove --plate samples/synth-pan/plate --matte samples/synth-pan/matte \
	  --output out/demo/frames --engine classical --report out/demo/report.json --contact-sheet out/demo/sheet.png
	$(BIN)/propainter-remove --plate samples/synth-pan/plate --matte samples/synth-pan/matte \
	  --output out/demo/synth-pan.mp4 --engine classical --quiet
	@echo "look at out/demo/sheet.png, out/demo/synth-pan.mp4, out/demo/frames"

test: $(STAMP)  ## the everyday tests
	$(BIN)/python -m pytest -m "not slow and not gpu"

test-all: $(STAMP)  ## every test, the slow ones too
	$(BIN)/python -m pytest -m "not gpu"

check: $(STAMP)  ## lint, types, who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)  ## put the code into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)  ## every benchmark; results in out/bench
	@mkdir -p out/bench
	@for script in tests/benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script --out out/bench || exit 1; done

clean:  ## everything that was made
	rm -rf out build dist $(VENV)
