#!/usr/bin/env bash
# Runs every check and every test, on any machine with Python and Terraform; installs the rest by itself.
set -euo pipefail

SHARED_OUT=(-n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder)

usage() {
  cat <<'EOF'
Usage: scripts/test.sh [--fast | --lint | --unit | --terraform | --e2e | --glue VERSION] [pytest arguments]

  --fast        without the end-to-end tests (they start a whole local cloud)
One part of it, as CI runs them side by side:
  --lint        no tests: ruff, shellcheck, shfmt, mypy, contracts
  --unit        tests that need neither Terraform's plans nor a whole local cloud
  --terraform   tests of the Terraform and of the workflows: plans, policies, checkov, bandit, zizmor, actionlint
  --e2e         end-to-end tests
The jobs and their library on another Glue version's Spark and Python (docs/glue_versions.md):
  --glue VERSION    4.0, 5.0, 5.1 or 6.0, in an environment of its own (.venv-glue-VERSION)

Without arguments for pytest the test files are shared out among up to four workers, each with a Spark session.

Everything: ./scripts/test.sh        One test: ./scripts/test.sh -k leading_zeros
EOF
}

lint() {
  local bin=$1 scripts=(scripts/*.sh terraform/scripts/*.sh ci-cd-glue-health-check-solution/scripts/*.sh .ci/run)
  echo "== lint"
  "${bin}/ruff" check .
  "${bin}/ruff" format --check --quiet .
  "${bin}/shellcheck" "${scripts[@]}"
  "${bin}/shfmt" --diff "${scripts[@]}"
  echo "== types"
  "${bin}/mypy"
  echo "== contracts"
  "${bin}/python" scripts/validate_contracts.py
}

# Those of src/tests that run what a Glue job runs: no local cloud, no Lambdas, no connectors.
test_on_glue() {
  local venv
  venv=$(python3 scripts/glue_environment.py "${1:-}")
  shift
  exec "${venv}/bin/python" -m pytest --ignore-glob='*end_to_end*' --ignore=src/tests/exactly_once \
    --ignore=src/tests/lambdas --ignore=src/tests/connections "${SHARED_OUT[@]}" src/tests "$@"
}

main() {
  local root bin part=${1:-} args=()
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  case ${part} in
    -h | --help) usage && exit 0 ;;
    --lint) shift ;;
    --fast) shift && args+=(-m "not e2e") ;;
    --unit) shift && args+=(-m "not e2e and not terraform") ;;
    --terraform) shift && args+=(-m "terraform and not e2e") ;;
    --e2e) shift && args+=(-m e2e) ;;
    --glue) shift ;;
    *) part= ;;
  esac
  cd "${root}"
  [[ ${part} != --glue ]] || test_on_glue "$@"
  ./scripts/venv.sh test
  bin=${root}/.venv/bin

  # Not as part of a condition, where bash would go on after a finding.
  case ${part} in
    --lint | --fast | '') lint "${bin}" ;;
  esac
  [[ ${part} != --lint ]] || exit 0
  echo "== tests"
  [[ $# -gt 0 ]] || args+=("${SHARED_OUT[@]}")
  exec "${bin}/python" -m pytest "${args[@]}" "$@"
}

main "$@"
