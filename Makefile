# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

BUNDLE ?= runs/demo/bundle
PROFILE ?= model=nrms data.batch_size=64

.PHONY: setup demo serve profile test lint format clean

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

# Tests share the cores: threads that wait are to sleep.
test: export OMP_WAIT_POLICY ?= PASSIVE
test: lint
	$(BIN)/pytest --cov --numprocesses=auto --dist=loadfile

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) build *.egg-info data/demo runs/demo runs/profile
	rm -rf .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
