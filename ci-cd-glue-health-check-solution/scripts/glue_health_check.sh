#!/usr/bin/env bash
# glue-health-check from a checkout, without installing it: scripts/glue_health_check.sh run --help
set -euo pipefail

main() {
  local here python
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  python=$("${here}/scripts/python.sh")
  PYTHONPATH="${here}/src${PYTHONPATH:+:${PYTHONPATH}}" exec "${python}" -m glue_health_check "$@"
}

main "$@"
