# Short names for the scripts. Whoever has no make calls them directly: each line below is one command.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
BIN := .venv/bin
# Of the targets that go to an environment, or measure: make status ENV=prod, make benchmarks SCALE=1
ENV ?= local
SCALE ?= 0.1

##@ Start
.PHONY: help setup
help: ## this list
	@awk -f scripts/make_help.awk $(MAKEFILE_LIST)
setup: venv ## .venv with everything, and the hooks that look at each commit
	$(BIN)/pre-commit install

##@ Check
.PHONY: gate test lint types unit terraform-check e2e audit secrets docs-check coverage
gate: ## every check and every test, as CI runs them
	./scripts/test.sh
test: ## everything but the end-to-end tests
	./scripts/test.sh --fast
lint: ## ruff, shellcheck, shfmt, mypy, contracts
	./scripts/test.sh --lint
types: venv ## mypy alone
	$(BIN)/mypy
unit: ## tests that need no plans of Terraform and no local cloud
	./scripts/test.sh --unit
terraform-check: ## tests of the Terraform: format, plans, modules, policies; and the audits
	./scripts/test.sh --terraform
e2e: ## end-to-end tests on local clouds of their own
	./scripts/test.sh --e2e
audit: venv ## checkov, bandit, zizmor, actionlint alone
	terraform/scripts/audit.sh terraform
	terraform/scripts/audit.sh python
	terraform/scripts/audit.sh workflows
secrets: venv ## search every file for secrets
	$(BIN)/pre-commit run detect-secrets --all-files
docs-check: venv ## links, diagrams and commands of the documentation
	$(BIN)/pytest -q tests/test_docs.py
coverage: ## lines of src/etl that the unit tests run; fails below 90 %
	./scripts/test.sh --unit -n logical --maxprocesses 4 --dist loadfile --cov=etl --cov-report=term --cov-fail-under=90

##@ Glue versions
GLUE_VERSIONS := glue-4.0 glue-5.0 glue-5.1 glue-6.0
.PHONY: $(GLUE_VERSIONS)
$(GLUE_VERSIONS): glue-%: ## the job tests on that version's Spark and Python
	./scripts/test.sh --glue $*

##@ Run
.PHONY: deploy-local status destroy-local health-check
deploy-local: ## start the local cloud, deploy, run the sample
	./scripts/deploy.sh local
status: ## how a deployment is (ENV=local, dev, staging or prod)
	./scripts/check_deployment_status.sh $(ENV)
destroy-local: ## remove the local cloud and all it holds
	./scripts/deploy.sh local --destroy
health-check: ## the jobs as temporary jobs on stub data
	./scripts/health_check_jobs.sh

##@ Take long
.PHONY: benchmarks campaign
benchmarks: venv ## ingestion against bare Spark (SCALE=0.1)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[bench]"
	$(BIN)/python tests/benchmarks/ingestion.py --scale $(SCALE) --rounds 1
campaign: ## the tests of events with a burst of 5,000 files
	BURST_FILES=5000 ./scripts/test.sh --e2e src/tests/test_events_end_to_end.py

.PHONY: venv
venv:
	@./scripts/venv.sh test
