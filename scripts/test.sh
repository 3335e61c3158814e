#!/usr/bin/env bash
# Runs every check and every test, on any machine with Python and Terraform; installs the rest by itself.
set -euo pipefail

usage() {
  cat <<'EOF'
Usage: scripts/test.sh [--fast | --lint | --unit | --terraform | --e2e] [pytest arguments]

  --fast        without the end-to-end tests (they start a whole local cloud)
One part of it, as CI runs them side by side:
  --lint        no tests: ruff, shellcheck, shfmt, mypy, contracts
  --unit        tests that need neither Terraform's plans nor a whole local cloud
  --terraform   tests of the Terraform and of the workflows: plans, policies, checkov, bandit, zizmor, actionlint
  --e2e         end-to-end tests

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
    *) part= ;;
  esac
  cd "${root}"
  ./scripts/venv.sh test
  bin=${root}/.venv/bin

  # Not as part of a condition, where bash would go on after a finding.
  case ${part} in
    --lint | --fast | '') lint "${bin}" ;;
  esac
  [[ ${part} != --lint ]] || exit 0
  echo "== tests"
  [[ $# -gt 0 ]] || args+=(-n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder)
  exec "${bin}/python" -m pytest "${args[@]}" "$@"
}

main "$@"
