#!/usr/bin/env bash
# Audits the Terraform with programs of others: checkov, and parliament and cloudsplaining for the roles' policies.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: audit.sh terraform           checkov over terraform/ (what it skips is marked in the files, with the reason)
       audit.sh policies <folder>   parliament and cloudsplaining over the IAM policies (*.json) of a folder

They get a Python environment of their own, build/audit: checkov pins versions that the pipeline's packages don't.
Environment: PYTHON (default: that of .venv, else python3)
TEXT
}

fail() {
  printf 'audit: %s\n' "$1" >&2
  exit 1
}

# Makes the environment once per version of audit-requirements.txt; of two runs at once, one waits.
prepare() {
  local root=$1 folder=$1/build/audit python=${PYTHON:-} wanted
  local requirements=${root}/terraform/scripts/audit-requirements.txt
  [[ -n ${python} ]] || python=${root}/.venv/bin/python
  [[ -x ${python} ]] || python=python3
  wanted=$(cksum <"${requirements}")
  mkdir -p "${root}/build"
  exec 9>"${root}/build/audit.lock"
  "${python}" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
  if [[ ! -f ${folder}/installed || $(<"${folder}/installed") != "${wanted}" ]]; then
    "${python}" -m venv --clear "${folder}"
    "${folder}/bin/python" -m pip install --quiet --disable-pip-version-check -r "${requirements}" 2>"${folder}/install.log" ||
      fail "pip failed: $(tail -n 1 "${folder}/install.log")"
    printf '%s' "${wanted}" >"${folder}/installed"
  fi
  exec 9>&-
}

audit_terraform() {
  local root=$1
  # --skip-download: links to explanations come from a server that may be out of reach, and change no result.
  "${root}/build/audit/bin/checkov" --directory "${root}/terraform" --framework terraform \
    --quiet --compact --skip-download --download-external-modules false
}

audit_policies() {
  local root=$1 folder=$2 policy found
  "${root}/build/audit/bin/parliament" --directory "${folder}" || fail "parliament has findings, see above"
  for policy in "${folder}"/*.json; do
    found=$("${root}/build/audit/bin/cloudsplaining" scan-policy-file -i "${policy}")
    [[ ${found} == *"no results found"* ]] || fail "cloudsplaining about ${policy##*/}: ${found}"
  done
  printf 'nothing found in %s\n' "${folder}"
}

main() {
  local root
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  case "${1:-} $#" in
    "terraform 1") prepare "${root}" && audit_terraform "${root}" ;;
    "policies 2") prepare "${root}" && audit_policies "${root}" "$2" ;;
    "-h 1" | "--help 1") usage ;;
    *) usage >&2 && exit 2 ;;
  esac
}

main "$@"
