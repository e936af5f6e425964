# Each target makes its own environment in .venv and needs only Python 3.11 to 3.13, git and make.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test web lint bench docs lock clean

demo: $(READY)  ## the main job on a built-in virtual patient: demo-out/dossier.html and .pdf
	$(BIN)/glisson demo -o demo-out

web: $(READY)  ## the workbench's pages into src/glisson/serve/assets
	$(BIN)/python tools/build_web.py --check --test

test: $(READY)  ## the whole test suite, with the workbench's pages built first
	$(BIN)/python tools/build_web.py --if-missing
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(READY)  ## ruff, mypy, import contracts, links in the docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_links.py

bench: $(READY)  ## ratios against the straightforward script, printed as a table
	$(BIN)/python -m benchmarks

docs: $(READY)  ## the documentation as a web site in site/
	$(BIN)/mkdocs build --strict

lock: $(READY)  ## resolve pyproject.toml again into requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --extra deidentify --extra pacs --extra serve --extra postgresql --universal --python-version 3.11 --generate-hashes --no-header -o requirements.lock

$(READY): requirements.lock pyproject.toml tools/setup.sh
	sh tools/setup.sh $(VENV)

clean:
	rm -rf $(VENV) demo-out site
