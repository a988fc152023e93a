# The front door.  Every target sets up what it needs; nothing has to be known or installed beforehand but Python 3.11.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SAMPLE := sample_pcaps/client-on-servers-link

# A target that is made once the environment holds what pyproject.toml asks for.
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
SOURCES   := pyproject.toml setup.py $(shell find analyzer -name '*.pyx' 2>/dev/null)

.PHONY: run test lint types bench reports samples fidelity fuzz malformed sanitize wheel clean ci-packages help

help:
	@echo "make run     set up, diagnose the sample, write replypath-report.html"
	@echo "make test    set up, run every test"
	@echo "make fuzz    feed the readers and kernels for SECONDS=60 (docs/fuzzing.md); also: malformed sanitize"
	@echo "make lint types bench reports samples fidelity wheel clean"

run: $(RUN_STAMP)
	@$(BIN)/replypath analyze \
	    client=$(SAMPLE)/client.pcap balancer-back=$(SAMPLE)/balancer-back.pcap server=$(SAMPLE)/server.pcap \
	    --map $(SAMPLE)/balancer.yaml --report replypath-report.html --force; \
	  status=$$?; \
	  if [ $$status -eq 1 ]; then \
	    echo; echo "The sample holds a fault on purpose, and it was found.  Open replypath-report.html in a browser."; \
	  else echo "expected the sample's fault to be found (status 1), got status $$status" >&2; exit 1; fi

test: $(DEV_STAMP)
	$(BIN)/pytest -n 2 --dist loadgroup $(PYTEST)

lint: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/codespell

types: $(DEV_STAMP)
	$(BIN)/mypy

bench: $(DEV_STAMP)
	$(BIN)/python -m bench.run

reports: $(DEV_STAMP)
	$(BIN)/python reports/make.py

# Records the sample captures again on a real kernel (root, network namespaces).
samples: $(DEV_STAMP)
	$(BIN)/python -m analyzer.kernel.record sample_pcaps

N ?= 2000
fidelity: $(DEV_STAMP)
	$(BIN)/python tests/network/fidelity.py $(N)
	$(BIN)/python tests/network/packets.py $(N)

# The fuzzer (docs/fuzzing.md): the kernels are built a second time, so that they tell which ways they went.
SECONDS ?= 60
FUZZ := build/fuzz
fuzz: $(FUZZ)/.installed
	REPLYPATH_COVERAGE=1 $(BIN)/python setup.py -q build -b $(FUZZ) --build-lib $(FUZZ)/lib > $(FUZZ)/build.log 2>&1 \
	  || { tail -20 $(FUZZ)/build.log; exit 1; }
	$(BIN)/python -m fuzz.run --seconds $(SECONDS) $(TARGETS)

$(FUZZ)/.installed: $(DEV_STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[fuzz]'
	@mkdir -p $(FUZZ) && touch $@

# Captures that are wrong on purpose, COUNT of them.
COUNT ?= 2000
malformed: $(DEV_STAMP)
	$(BIN)/python -m fuzz.malformed --count $(COUNT)

# The kernels under the address and undefined-behaviour sanitizers, over the corpus and the fuzzer's finds.
SANITIZE := build/sanitize
sanitize: $(DEV_STAMP)
	@mkdir -p $(SANITIZE)
	REPLYPATH_SANITIZE=address,undefined $(BIN)/python setup.py -q build -b $(SANITIZE) --build-lib $(SANITIZE)/lib \
	  > $(SANITIZE)/build.log 2>&1 || { tail -20 $(SANITIZE)/build.log; exit 1; }
	cd $(SANITIZE) && LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	  ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc PYTHONPATH=lib:../.. \
	  ../../$(BIN)/python -m fuzz.sanitized

wheel: $(DEV_STAMP)
	$(BIN)/pip wheel --no-deps --quiet -w dist .

clean:
	rm -rf build dist $(VENV) replypath-report.html
	find analyzer -name '*.so' -delete -o -name '_fast.c' -delete

$(VENV)/bin/python:
	@sh .ci/make-venv "$(PYTHON)" "$(VENV)"

$(RUN_STAMP): $(SOURCES) | $(VENV)/bin/python
	@echo "installing replypath and what it needs into $(VENV) (once, about a minute)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(DEV_STAMP): $(SOURCES) | $(VENV)/bin/python
	@echo "installing replypath, what it needs and its test tools into $(VENV) (once, about two minutes)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(RUN_STAMP)
