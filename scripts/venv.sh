#!/usr/bin/env bash
# Makes the repository's virtual environment (.venv) with everything pinned; does nothing when it is up to date.
set -euo pipefail

usage() {
  cat <<'EOF'
Usage: scripts/venv.sh [local|test]

  local   what the pipeline needs to run on this machine (default)
  test    that, and what its tests need

Environment: PYTHON (a Python 3.11; default: the one on the PATH)
EOF
}

fail() {
  printf 'venv: %s\n' "$1" >&2
  exit 1
}

# Glue 5.1 runs Python 3.11, and its awsglue package installs on no other.
find_python() {
  local candidate
  for candidate in ${PYTHON:-python3.11 python3 python}; do
    if "${candidate}" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
      command -v "${candidate}"
      return
    fi
  done
  fail "Python 3.11 (the one of Glue 5.1) was not found as ${PYTHON:-python3.11, python3 or python}; install it, or name it in PYTHON"
}

# Spark 3.5 runs on Java 17 (and 8, 11). Without one, a Java runtime comes from PyPI.
has_java() {
  local java=java
  [[ -z ${JAVA_HOME:-} ]] || java=${JAVA_HOME}/bin/java
  "${java}" -version 2>&1 | grep -q 'version "17'
}

show_progress() {
  local line count=0
  while IFS= read -r line; do
    printf '%s\n' "${line}" >>"$1"
    case ${line} in
      Collecting*) count=$((count + 1)) && printf '\r  %d packages found' "${count}" ;;
      Installing\ collected*) printf '\r  %d packages found, installing them' "${count}" ;;
    esac
  done
  printf '\n'
}

main() {
  local root extras stamp wanted log python started=${SECONDS}
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  extras=${1:-local}
  case ${extras} in
    local | test) ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  has_java || extras+=,java

  stamp=${root}/.venv/installed
  wanted="${extras} $(cat "${root}/pyproject.toml" "${root}/constraints.txt" | cksum)"
  # An environment with the tests' packages has everything else, too.
  if [[ -f ${stamp} ]] && grep -qxF -e "${wanted}" -e "${wanted/#local/test}" "${stamp}"; then
    return
  fi
  log=${root}/.venv/install.log
  if [[ ! -x ${root}/.venv/bin/python ]]; then
    python=$(find_python)
    printf 'Making .venv with %s\n' "${python}"
    "${python}" -m venv "${root}/.venv"
  fi
  printf 'Installing Python packages into .venv (%s); once, for about a minute\n' "${extras}"
  : >"${log}"
  "${root}/.venv/bin/python" -m pip install --disable-pip-version-check -c "${root}/constraints.txt" \
    -e "${root}[${extras}]" 2>&1 | show_progress "${log}" ||
    fail "pip failed: $(grep -m1 ERROR "${log}" || tail -n 1 "${log}"). Its log: ${log}"
  printf '%s\n' "${wanted}" >"${stamp}"
  printf '  ready in %d s\n' "$((SECONDS - started))"
}

main "$@"
