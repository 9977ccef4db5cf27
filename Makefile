# What people do with this repository. `make` alone lists it.
#
# Everything runs in .venv, made on first use and rebuilt only when setup.cfg or pyproject.toml changed.
# A fresh clone needs Python (3.11 or later) and make.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help requirements demo test quality validate reliability bench docs upgrade extract_translations clean python

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# The database and the generated files of the checks stay apart from the demo's.
SCRATCH := var/quality
STANDALONE := LEARNING_EXT_DATA=$(SCRATCH) DJANGO_SETTINGS_MODULE=openedx_learning_ext.standalone.settings
# Every Django app of ours, as a dotted name.
OUR_APPS := $(subst /,.,$(patsubst %/apps.py,%,$(wildcard openedx_learning_ext/apps.py openedx_learning_ext/*/apps.py)))

help: ## list what can be done here
	@awk -F ':.*## ' '/^[a-z_]+:.*## / {printf "  make %-22s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

python:
	@command -v $(PYTHON) >/dev/null || { \
	    echo "There is no '$(PYTHON)' here. Install Python 3.11 or later, or say which one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "This needs Python 3.11 or later, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
	    echo "Say which one to take: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "'$(PYTHON)' cannot make virtual environments. On Debian and Ubuntu: sudo apt-get install python3-venv"; exit 1; }

# The order-only prerequisite keeps the checks of the interpreter out of the question whether to rebuild.
$(VENV)/demo.stamp: setup.cfg pyproject.toml | python
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[standalone]'
	touch $@

$(VENV)/test.stamp: setup.cfg pyproject.toml | python
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,docs]'
	touch $(VENV)/demo.stamp $@

# The peers that we are measured against have plugins of their own, which the default host would load: they live apart.
$(VENV)-bench/bench.stamp: setup.cfg pyproject.toml | python
	test -x $(VENV)-bench/bin/python || $(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(VENV)-bench/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	touch $@

requirements: $(VENV)/test.stamp ## make .venv with everything the other targets need

demo: $(VENV)/demo.stamp ## play the story on the default host and serve it; ARGS=--check plays it once and stops
	$(BIN)/learning-ext demo $(ARGS)

test: $(VENV)/test.stamp ## every test that needs no servers; ARGS are handed to pytest
	$(BIN)/python -X dev -m pytest -n 2 --dist loadgroup -m "not reliability and not bench and not platform" $(ARGS)

quality: $(VENV)/test.stamp ## ruff, mypy, import contracts, personal data, migrations, system checks, documentation
	$(BIN)/ruff check .
	$(STANDALONE) $(BIN)/mypy
	$(BIN)/lint-imports
	@mkdir -p $(SCRATCH)
	set -e; for app in $(OUR_APPS); do \
	    echo "personal data in $$app"; \
	    $(STANDALONE) $(BIN)/code_annotations django_find_annotations --config_file .pii_annotations.yml \
	        --app_name $$app --lint --report --coverage; \
	done
	$(STANDALONE) $(BIN)/python manage.py makemigrations --check --dry-run
	$(STANDALONE) $(BIN)/python manage.py check --fail-level WARNING
	$(MAKE) --no-print-directory docs

validate: test quality ## both of the above

reliability: $(VENV)/test.stamp ## the fault tests: processes are killed, messages come twice
	$(BIN)/python -X dev -m pytest -m reliability $(ARGS)

bench: $(VENV)-bench/bench.stamp ## measure the speed figures against our peers; nothing else measures time
	$(VENV)-bench/bin/python -m bench $(ARGS)

docs: $(VENV)/test.stamp ## write the generated pages anew and build the documentation into docs/_build/html
	@mkdir -p $(SCRATCH)
	set -e; for page in $(wildcard docs/generate_*.py); do $(STANDALONE) $(BIN)/python $$page; done
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

upgrade: $(VENV)/test.stamp ## take the newest versions of everything that setup.cfg allows
	$(BIN)/python -m pip install --disable-pip-version-check --upgrade --upgrade-strategy eager --editable '.[test,docs]'

extract_translations: $(VENV)/test.stamp ## write the strings to translate into conf/locale/en
	cd openedx_learning_ext && DJANGO_SETTINGS_MODULE= ../$(BIN)/django-admin makemessages \
	    --locale en --extension html,txt,py --no-obsolete --no-wrap --add-location file

clean: ## remove what was built; .venv and the demo's data stay
	rm -rf build dist docs/_build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage $(SCRATCH)
	find openedx_learning_ext tests docs -name __pycache__ -type d -prune -exec rm -rf {} +
