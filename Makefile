# Two commands: `make lab` starts the course, `make test` proves it. Without make: python run.py lab, python run.py test.
# The first Python that really runs; run.py looks for a newer one if this one is too old.
PYTHON ?= $(or $(shell for p in python3 python python3.14 python3.13 python3.12 python3.11; do "$$p" -c "" >/dev/null 2>&1 && echo "$$p" && break; done),$(error The course needs Python 3.11 or newer, and there is no Python here. Install it and run make again))

.PHONY: lab test build
lab:
	@$(PYTHON) run.py lab $(ARGS)
test:
	@$(PYTHON) run.py test $(ARGS)
build:
	@$(PYTHON) run.py build $(ARGS)
