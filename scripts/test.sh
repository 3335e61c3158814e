#!/usr/bin/env bash
# Runs every check and every test, on any machine with Python and Terraform; installs the rest by itself.
set -euo pipefail

usage() {
  cat <<'EOF'
Usage: scripts/test.sh [--fast] [pytest arguments]

  --fast   without the end-to-end tests (they start a whole local cloud)

Without arguments for pytest the test files are shared out among up to four workers, each with a Spark session.

Everything: ./scripts/test.sh        One test: ./scripts/test.sh -k leading_zeros
EOF
}

main() {
  local root bin args=()
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  case ${1:-} in
    -h | --help) usage && exit 0 ;;
    --fast) shift && args+=(-m "not e2e") ;;
  esac
  cd "${root}"
  ./scripts/venv.sh test
  bin=${root}/.venv/bin

  echo "== lint"
  "${bin}/ruff" check .
  "${bin}/ruff" format --check --quiet .
  "${bin}/shellcheck" scripts/*.sh terraform/scripts/*.sh .ci/run
  echo "== types"
  "${bin}/mypy"
  echo "== contracts"
  "${bin}/python" scripts/validate_contracts.py
  echo "== tests"
  [[ $# -gt 0 ]] || args+=(-n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder)
  exec "${bin}/python" -m pytest "${args[@]}" "$@"
}

main "$@"
