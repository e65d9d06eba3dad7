# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

BUNDLE ?= runs/demo/bundle
PROFILE ?= model=nrms data.batch_size=64
QUICK ?= $(addprefix tests/,data model evaluation training keras_weights)
FINALISTS ?= "[standard,the start,without attention,baseline]"

.PHONY: setup demo serve profile ablation test quick mutants lint types format clean

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
	rm -rf runs/demo
	$(BIN)/python scripts/generate_data.py path=data/demo
	$(BIN)/python scripts/train.py experiment=demo run=runs/demo
	$(BIN)/python scripts/evaluate.py run=runs/demo split=test metrics=runs/demo/test_metrics.json
	$(BIN)/python scripts/export_onnx.py run=runs/demo
	$(BIN)/python scripts/recommend.py bundle=runs/demo/bundle
	$(BIN)/python scripts/ask_server.py bundle=runs/demo/bundle

serve: $(VENV)/.train
	$(BIN)/python scripts/serve.py bundle=$(BUNDLE)

profile: $(VENV)/.train
	rm -rf runs/profile
	$(BIN)/python scripts/train.py $(PROFILE) run=runs/profile trainer.profiler=pytorch \
		trainer.max_epochs=1 trainer.limit_train_batches=8

# MIND is a folder of MIND's splits, TRANSFORMER a name on the Hub or a folder: docs/ablation.md.
ablation: $(VENV)/.train
	mkdir -p runs/ablation
	$(BIN)/python scripts/embed_articles.py format=mind path=$(MIND) transformer=$(TRANSFORMER) \
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

# Tests share the cores: threads that wait are to sleep.
test: export OMP_WAIT_POLICY ?= PASSIVE
test: lint
	$(BIN)/pytest --cov --numprocesses=auto --dist=loadfile

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
	rm -rf $(VENV) build mutants *.egg-info data/demo runs/demo runs/profile
	rm -rf .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
