#!/usr/bin/env bash
# Prints the Python that has the package's dependencies; makes a venv beside the package when nobody else has them.
set -euo pipefail

readonly MODULES=(boto3 detect_secrets duckdb fastavro jsonschema junitparser lark pyarrow rich rstr typer yaml)
# Looks whether they are there without importing them, which takes half a second.
readonly LOOK='import importlib.util as u, sys; sys.exit(any(u.find_spec(name) is None for name in sys.argv[1:]))'

main() {
  local here candidate
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  for candidate in "${HEALTH_CHECK_PYTHON:-}" "${here}/.venv/bin/python" "${here}/../.venv/bin/python" python3; do
    if [[ -n ${candidate} ]] && "${candidate}" -c "${LOOK}" "${MODULES[@]}" 2>/dev/null; then
      echo "${candidate}"
      return
    fi
  done
  echo "installing the dependencies into ${here}/.venv" >&2
  python3 -m venv "${here}/.venv"
  "${here}/.venv/bin/pip" install --quiet -e "${here}" >&2
  echo "${here}/.venv/bin/python"
}

main "$@"
