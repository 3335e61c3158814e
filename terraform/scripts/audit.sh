#!/usr/bin/env bash
# Audits with programs of others: checkov, parliament and cloudsplaining for Terraform, bandit for Python, zizmor and actionlint for CI.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: audit.sh terraform           checkov over both folders terraform/ (what it skips is marked in the files, with the reason)
       audit.sh plan <file>         checkov over a plan that `terraform show -json` has printed
       audit.sh policies <folder>   parliament and cloudsplaining over the IAM policies (*.json) of a folder
       audit.sh python              bandit over src, scripts and terraform/scripts, but for their tests
       audit.sh workflows           zizmor, actionlint and the schemas of GitHub's files over .github

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

# --skip-download: links to explanations come from a server that may be out of reach, and change no result.
run_checkov() {
  "$1/build/audit/bin/checkov" "${@:2}" --quiet --compact --skip-download --download-external-modules false
}

# Not asked (nor is ruff): whether a program is started at all. All are, by lists of arguments; shells would be found.
audit_python() {
  cd "$1"
  build/audit/bin/bandit --quiet --recursive --exclude src/tests --skip B404,B603,B607 src scripts terraform/scripts
}

# Offline: the rules that need no look at GitHub. The schemas come with check-jsonschema.
audit_workflows() {
  local bin=$1/build/audit/bin
  cd "$1/.github"
  "${bin}/zizmor" --offline --persona pedantic --no-progress --quiet .
  "${bin}/actionlint" -shellcheck "$(command -v ../.venv/bin/shellcheck)"
  "${bin}/check-jsonschema" --builtin-schema vendor.github-workflows workflows/*.yml
  "${bin}/check-jsonschema" --builtin-schema vendor.github-actions actions/*/action.yml
  "${bin}/check-jsonschema" --builtin-schema vendor.dependabot dependabot.yml
  "${bin}/check-jsonschema" --builtin-schema vendor.github-issue-forms ISSUE_TEMPLATE/*.yml
}

# All policies in one process of cloudsplaining: its command takes a single file, and half a second to start.
readonly CLOUDSPLAINING='
import json, pathlib, sys
from cloudsplaining.command.scan_policy_file import scan_policy
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    for kind, result in scan_policy(json.loads(file.read_text())).items():
        if isinstance(result, dict) and result["findings"]:
            sys.exit("%s of %s: %s" % (kind, file.name, result["findings"]))
'

audit_policies() {
  local root=$1 folder=$2
  "${root}/build/audit/bin/parliament" --directory "${folder}" || fail "parliament has findings, see above"
  "${root}/build/audit/bin/python" -c "${CLOUDSPLAINING}" "${folder}" || fail "cloudsplaining has findings, see above"
  printf 'nothing found in %s\n' "${folder}"
}

main() {
  local root
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  case "${1:-} $#" in
    "terraform 1") prepare "${root}" && run_checkov "${root}" --directory "${root}/terraform" --framework terraform &&
      run_checkov "${root}" --directory "${root}/ci-cd-glue-health-check-solution/terraform" --framework terraform ;;
    # The skips stand in the files that the plan was made from.
    "plan 2") prepare "${root}" && run_checkov "${root}" --file "$2" --framework terraform_plan --repo-root-for-plan-enrichment "${root}/terraform" ;;
    "python 1") prepare "${root}" && audit_python "${root}" ;;
    "workflows 1") prepare "${root}" && audit_workflows "${root}" ;;
    "policies 2") prepare "${root}" && audit_policies "${root}" "$2" ;;
    "-h 1" | "--help 1") usage ;;
    *) usage >&2 && exit 2 ;;
  esac
}

main "$@"
