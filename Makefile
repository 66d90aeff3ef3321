# Each target does all of its own set-up. On a fresh Debian 12: `make demo`, `make test`.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test checks e2e lint unit groovy host engine trust property generate golden bench docs setup setup-demo setup-e2e clean

VENV := .venv
PY := $(VENV)/bin/python
SCRIPTS := examples/hello/demo tests/runner/run-pipeline \
  resources/podwright/images/agent-with-engine/start-engine deploy/release

help: ## show this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup-demo ## run examples/hello/Jenkinsfile here: build, push, pull by digest, run
	@examples/hello/demo

# The real builds mostly wait (for registries to come back, for engines to start), so they run beside
# the rest; each target's output comes in one piece.
test: setup ## everything but engines built from source and Kubernetes (a quarter of an hour)
	+@$(MAKE) --no-print-directory -j2 --output-sync=target host checks

checks: setup ## lint, unit and groovy, one after the other
	+@$(MAKE) --no-print-directory lint
	+@$(MAKE) --no-print-directory unit
	+@$(MAKE) --no-print-directory groovy

e2e: setup setup-e2e ## everything on a Kubernetes: KUBECONFIG's, or one of its own
	$(PY) tests/e2e/run

lint: setup ## ruff, mypy, shellcheck, CodeNarc's gate runs with `groovy`
	$(VENV)/bin/ruff format --check pytools tests
	$(VENV)/bin/ruff check pytools tests
	$(VENV)/bin/mypy
	git ls-files -z '*.sh' ':!tests/golden' $(SCRIPTS) | xargs -0 shellcheck -s sh
	shellcheck .ci/run
	$(VENV)/bin/podwright generate --check

unit: setup ## tests that need nothing but Python
	$(VENV)/bin/pytest -q -m 'not host and not engine and not cluster and not trust'

host: setup ## real builds on this machine, real registries with faults
	$(VENV)/bin/pytest -q -m host

engine: setup setup-e2e ## policed engine and proxy of the node's, against Docker Engines old and new
	$(VENV)/bin/pytest -q -m 'engine and not host'

trust: setup ## SBOM, provenance, signatures and scans by the real tools (built first: ten minutes)
	$(VENV)/bin/pytest -q -m 'trust and not cluster'

groovy: setup ## steps, bridge and local runner, CPS-transformed and sandboxed; CodeNarc
	mvn -q -B -f tests/runner/pom.xml test

property: setup ## the policy against 120,000 generated requests (a quarter of an hour)
	PODWRIGHT_EXAMPLES=120000 $(VENV)/bin/pytest -q tests/unit/authz/test_authz_property.py

generate: setup ## renew bundle, presets, help pages and reference
	$(VENV)/bin/podwright generate

golden: setup ## renew the golden files
	$(VENV)/bin/pytest -q tests/golden --renew-golden

bench: setup ## print all figures of the benchmarks
	for bench in tests/bench/*_bench.py; do echo "== $$bench"; $(PY) $$bench || exit 1; done

docs: ## the documentation as a site, in site/; a broken link is an error
	@test -x .venv-docs/bin/mkdocs || (python3 -m venv .venv-docs && .venv-docs/bin/pip install -q --disable-pip-version-check mkdocs-material==9.8.2)
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --quiet

setup: $(VENV)/test.stamp
	@tests/setup/machine.sh test

setup-e2e:
	@tests/setup/machine.sh e2e

setup-demo: $(VENV)/demo.stamp
	@tests/setup/machine.sh demo

# A stamp each, so that the demo does not wait for tools that only tests need.
$(VENV)/demo.stamp: pyproject.toml
	@tests/setup/machine.sh demo
	@test -x $(PY) || python3 -m venv $(VENV)
	@$(VENV)/bin/pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/test.stamp: pyproject.toml
	@tests/setup/machine.sh test
	@test -x $(PY) || python3 -m venv $(VENV)
	@$(VENV)/bin/pip install -q --disable-pip-version-check -e '.[jobs,test]'
	@touch $@ $(VENV)/demo.stamp

clean: ## remove what was built here
	rm -rf $(VENV) tests/runner/target .pytest_cache .mypy_cache .ruff_cache
