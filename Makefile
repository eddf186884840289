# The one door. `make help` lists it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DOCS   := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet # every link and anchor is looked up
PLUGIN := build/ofx/ProPainterRemove.ofx.bundle/Contents/Linux-x86-64/ProPainterRemove.ofx
TESTERS ?= -n logical --maxprocesses 4 --dist worksteal # processes that share the everyday tests; empty: one after the other
export OMP_WAIT_POLICY ?= passive

GPU_PYTHON = $(if $(WHEELS),$(PYTHON),$(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON)))
GPU_RUN = $(GPU_PYTHON) tests/gpu/run.py $(1) --device $(or $(DEVICE),auto) $(if $(WHEELS),--wheels $(WHEELS))

.PHONY: help setup demo generate plugin plugin-all release test test-all test-gpu bench-gpu gpu-wheels check docs docs-pictures format bench screenshots clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP)  ## create .venv with everything the project needs (first run: a few minutes)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 10) else "Python 3.10 or newer is needed; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[backend,ui,dev]'
	@touch $@

demo: $(STAMP) $(PLUGIN)  ## the real node removes a person from the sample shot; pictures in out/demo
	rm -rf out/demo
	$(BIN)/python samples/demo.py

plugin: $(STAMP) $(PLUGIN)  ## build the OpenFX node for this system (build/ofx); plugin-all: for all three

$(PLUGIN): $(wildcard host_plugin/ofx/src/* host_plugin/ofx/src/*/* host_plugin/ofx/include/* host_plugin/minihost/src/* host_plugin/minihost/src/*/*) host_plugin/ofx/build_bundle.py | $(STAMP)
	$(BIN)/python host_plugin/ofx/build_bundle.py linux
	$(BIN)/python host_plugin/ofx/check_bundle.py build/ofx/ProPainterRemove.ofx.bundle
	@touch $@

generate: $(STAMP)  ## what is written from the table of knobs: rows of the node, of docs/wire.md, PARAMETERS.md (builds the node)
	$(BIN)/python host_plugin/ofx/write_knobs.py
	$(MAKE) plugin
	$(BIN)/python host_plugin/ofx/write_parameters.py build/ofx/ProPainterRemove.ofx.bundle

plugin-all: $(STAMP)  ## build the node for Linux, Windows and macOS (first run: many minutes)
	$(BIN)/python host_plugin/ofx/build_bundle.py linux windows macos
	$(BIN)/python host_plugin/ofx/check_bundle.py build/ofx/ProPainterRemove.ofx.bundle

release: $(STAMP) $(PLUGIN)  ## dist/: an archive with an installer, and its parts (plugin-all first: all systems; OFFLINE=1: with packages)
	$(BIN)/python installer/make_release.py $(if $(OFFLINE),--offline)

test: $(STAMP)  ## the everyday tests, side by side (TESTERS= : one after the other)
	$(BIN)/python -m pytest $(TESTERS) -m "not slow and not gpu"

test-all: $(STAMP)  ## every test, the slow ones too
	$(BIN)/python -m pytest -m "not gpu"

test-gpu:  ## the tests of an NVIDIA card; on a bare machine WHEELS=folder; without a card DEVICE=cpu stands in
	$(call GPU_RUN,test)

bench-gpu:  ## the benchmark of an NVIDIA card: out/gpu/bench.log and bench.json (WHEELS=, DEVICE=cpu as above)
	$(call GPU_RUN,bench)

gpu-wheels: $(STAMP)  ## what a bare machine with Python 3.12 and torch needs beside them: out/wheels
	$(BIN)/python tests/gpu/fetch_wheels.py out/wheels

check: $(STAMP)  ## lint, types, who may import whom, links of the documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(DOCS)

docs: $(STAMP)  ## the documentation as pages: out/docs/index.html
	$(DOCS)

docs-pictures: $(STAMP)  ## the pictures of the artist's guide, from the sample shot
	$(BIN)/python samples/make_pictures.py

format: $(STAMP)  ## put the code into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)  ## benchmarks: out/bench/bench.json and bench.html (FULL=1: large sizes, hours; CASES=folder: quality, too)
	$(BIN)/python tests/benchmarks/all.py --out out/bench $(if $(FULL),--full) $(if $(CASES),--cases $(CASES))
	$(if $(CASES),$(BIN)/python tests/benchmarks/classical_quality.py $(CASES))

screenshots: $(STAMP)  ## the panel in each of its states, for docs/images (needs Xvfb)
	PYTHONPATH=tests/ui:tests $(BIN)/python tests/ui/take_screenshots.py docs/images

clean:  ## everything that was made
	rm -rf out build dist $(VENV)
