# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

BUNDLE ?= runs/demo/bundle
PROFILE ?= model=nrms data.batch_size=64
QUICK ?= $(addprefix tests/,data model evaluation training keras_weights)
FINALISTS ?= "[standard,the start,without attention,baseline]"

.PHONY: setup demo serve wheel profile ablation late test quick mutants lint types format clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip

$(VENV)/.train: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable '.[train,export,serve]'
	touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.train

setup: $(VENV)/.dev

demo: $(VENV)/.train
	$(BIN)/nrms generate data/demo
	rm -rf runs/demo
	$(BIN)/nrms train experiment=demo run=runs/demo
	$(BIN)/nrms evaluate runs/demo split=test metrics=runs/demo/test_metrics.json report=true
	$(BIN)/nrms export runs/demo
	$(BIN)/nrms recommend runs/demo/bundle 'history=[9000004,9000007]' k=5
	$(BIN)/nrms ask runs/demo/bundle
	@printf '%s\n' '' 'The run is runs/demo: report.html, learning_curve.png, metrics.json, and the bundle.' \
		'The news site is made up: its titles are words of a topic, in no order.' 'What next?' \
		'  source $(BIN)/activate' \
		'  nrms serve runs/demo/bundle     a page to try it on: http://localhost:8000' \
		'  nrms diagnose runs/demo         is the number good, and why' \
		'  nrms convert --help             your own logs: docs/own_data.md' \
		'  nrms --help                     all verbs'

serve: $(VENV)/.train
	$(BIN)/nrms serve $(BUNDLE)

wheel: $(VENV)/.train
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .

profile: $(VENV)/.train
	rm -rf runs/profile
	$(BIN)/nrms train $(PROFILE) run=runs/profile trainer.profiler=pytorch \
		trainer.max_epochs=1 trainer.limit_train_batches=8

# MIND is a folder of MIND's splits, TRANSFORMER a name on the Hub or a folder: docs/ablation.md.
ablation: $(VENV)/.train
	mkdir -p runs/ablation
	$(BIN)/nrms embed $(MIND) format=mind transformer=$(TRANSFORMER) \
		output=runs/ablation/vectors.parquet
	$(BIN)/python scripts/ablation.py data=mind data.path=$(MIND) \
		data.vectors=runs/ablation/vectors.parquet split=days
	$(BIN)/python scripts/ablation.py data=mind data.path=$(MIND) \
		data.vectors=runs/ablation/vectors.parquet split=validation seeds=[1,2,3] cases=$(FINALISTS)
	$(BIN)/python scripts/ablation.py data=mind data.path=$(MIND) model=nrms \
		data.transformer=$(TRANSFORMER) split=validation seeds=[1,2,3] cases=$(FINALISTS) \
		output=runs/ablation/titles
	$(BIN)/python scripts/ablation.py data=demo data.path=runs/ablation/20k split=test \
		data.generate.impressions=20000 seeds=[1,2,3] output=runs/ablation/generated_20k
	$(BIN)/python scripts/ablation.py data=demo data.path=runs/ablation/200k split=test \
		data.generate.impressions=200000 data.batch_size=512 trainer.max_epochs=2 \
		cases=$(FINALISTS) output=runs/ablation/generated_200k

# LATE is a folder in EB-NeRD's form with times: docs/late.md.
late: setup
	$(BIN)/python scripts/late_table.py data.path=$(LATE)

# Tests share the cores: threads that wait are to sleep. A process of tests that dies ends them:
# with loadfile pytest-xdist would wait for ever for what that process had still to do.
test: export OMP_WAIT_POLICY ?= PASSIVE
test: lint
	$(BIN)/pytest --cov --numprocesses=auto --dist=loadfile --max-worker-restart=0

# While one works: what needs no trained run, no bundle and no process of its own.
quick: export OMP_WAIT_POLICY ?= PASSIVE
quick: setup
	$(BIN)/pytest --quiet -m "not slow" --numprocesses=2 --dist=loadfile $(QUICK)

# What the tests do not notice, in all chosen modules or in one: MODULE=nrms_torch.data.sampling
mutants: export NRMS_KEPT_RUNS := $(CURDIR)/build/kept_runs
mutants: export POLARS_MAX_THREADS := 1
mutants: setup
	rm -rf mutants $(NRMS_KEPT_RUNS)
	$(BIN)/python -m mutmut run --max-children 1 $(if $(MODULE),"$(MODULE).*")
	$(BIN)/python -m mutmut results

lint: types
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) build dist mutants *.egg-info data/demo runs/demo runs/profile
	rm -rf .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
