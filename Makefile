# Two commands do everything: `make demo` and `make test`. Each sets up .venv first if need be.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install -c constraints.txt

# A busy machine slows small convolutions on many threads down more than it speeds them up. Training asks the machine.
test quick notebooks evidence benchmarks zoo: export OMP_NUM_THREADS ?= 2

.PHONY: demo test quick lab notebooks site badges zoo evidence benchmarks gpu lint clean help

demo: $(VENV)/base.done  ## Train on a bundled clip and write new ones to runs/demo (minutes)
	$(BIN)/python -m hpvae_nb train koi --preset laptop-128 --set padding=replicate --out runs/demo --samples 8 --resume

test: $(VENV)/test.done lint  ## Run all tests
	$(BIN)/python -m pytest -rs --nbval --nbval-current-env tests notebooks

quick: $(VENV)/test.done lint  ## Check style and types, and run the fast tests (under two minutes)
	$(BIN)/python -m pytest -rs -m "not slow" tests

lab: $(VENV)/lab.done  ## Open the notebooks in JupyterLab
	$(BIN)/python -m jupyterlab notebooks/00_quickstart.ipynb

notebooks: $(VENV)/test.done  ## Write the notebooks from their scripts and run them
	$(BIN)/python notebooks/build.py notebooks/[0-9]*.py

site: $(VENV)/site.done  ## Make lessons, gallery, tables and API a site, in build/site
	$(BIN)/python docs/site/pages.py build/site

badges: $(VENV)/test.done  ## Write where the project lies into the notebooks: make badges REPO=owner/name
	$(BIN)/python notebooks/build.py --repository '$(REPO)'

zoo: $(VENV)/base.done  ## Train the models of data/models anew (about an hour on two cores)
	$(BIN)/python data/train_models.py

SPEC ?= spec
CLIP ?= pedestrians
SEED ?= 0

evidence: $(VENV)/test.done  ## Measure a clip and seed of the evidence again, and compare: make evidence CLIP=bunny SEED=1
	$(BIN)/python -m hpvae_nb sweep data/evidence/$(SPEC).yaml --only clip=$(CLIP) --only seed=$(SEED) --out runs/evidence_again
	$(BIN)/python data/evidence.py check runs/evidence_again --spec $(SPEC) --clip $(CLIP) --seed $(SEED)

benchmarks: $(VENV)/test.done  ## Measure anew what docs/ says about this machine (about an hour)
	$(BIN)/python benchmarks/step.py --growth --sampling --first-preview --out docs/benchmarks.md
	$(BIN)/python benchmarks/methods.py --out docs/methods.md
	$(BIN)/python benchmarks/widgets.py --out docs/widgets.md
	$(BIN)/python benchmarks/precision.py --iterations 150 --out docs/precision
	$(BIN)/python benchmarks/enlarging.py --out docs/enlarging.md
	$(BIN)/python benchmarks/layout.py --out docs/layout
	$(BIN)/python benchmarks/cost.py --out docs/cost

OUT ?= runs/gpu

gpu:  ## On a machine with an NVIDIA GPU: tests, speed, and a piece of a paper training that the next call goes on with
	@$(MAKE) $(VENV)/test.done || echo "No network, it seems: going on with $(PYTHON), if it has PyTorch"
	@python="$(PYTHON)"; if [ -e $(VENV)/test.done ]; then python=$(BIN)/python; fi; \
		"$$python" benchmarks/gpu.py --out '$(OUT)'

lint: $(VENV)/test.done  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
		|| { echo "Python 3.11, 3.12 or 3.13 is needed, but $(PYTHON) is another: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/base.done: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e .
	@touch $@

$(VENV)/lab.done: $(VENV)/base.done
	$(PIP) -e '.[lab,metrics]'
	@touch $@

$(VENV)/site.done: $(VENV)/base.done
	$(PIP) -e '.[site]'
	@touch $@

$(VENV)/test.done: $(VENV)/lab.done
	$(PIP) -e '.[lab,test]'
	@touch $@

clean:  ## Remove what can be made again, runs excepted
	rm -rf $(VENV) dist build test-artifacts .pytest_cache .mypy_cache .ruff_cache .hypothesis

help:  ## Say what each command does
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1\n    \2/p' $(MAKEFILE_LIST)
