#!/usr/bin/env bash
# Tries the whole health check on a local cloud of its own: this repository's jobs, broken jobs, a killed check.
set -euo pipefail

main() {
  local here python
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  python=$("${here}/scripts/python.sh")
  exec "${python}" "${here}/scripts/health_check_system.py" "$@"
}

main "$@"
