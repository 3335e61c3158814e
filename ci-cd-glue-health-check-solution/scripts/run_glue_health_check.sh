#!/usr/bin/env bash
# Health-checks the changed job scripts of a pull request, one after the other.
set -euo pipefail

usage() {
  cat <<'EOF'
Usage: scripts/run_glue_health_check.sh PULL_REQUEST SCRIPT_OR_CHECK_FILE... [-- OPTIONS OF glue-health-check run]

Each SCRIPT (.py) or check file (.yml, .yaml) is checked; reports go to health-check-reports/.

`glue_health_check.sh changed` finds by itself which check files a pull request concerns, and runs them side by side.

Environment: SCRIPT_LOCATION or HEALTH_CHECK_BUCKET, HEALTH_CHECK_ROLE, AWS_REGION, HEALTH_CHECK_TIMEOUT (minutes);
USE_LAMBDA=true has Lambdas make the checks (glue_health_check_with_lambda.sh, docs/lambda.md).
Exit: 0 all passed, 1 a check failed, 2 misuse, 3 infrastructure error; the worst of them.
EOF
}

main() {
  local here pull_request subject option name code worst=0 command=(glue_health_check.sh run) subjects=()
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  [[ ${1:-} =~ ^(-h|--help)$ ]] && usage && exit 0
  [[ $# -ge 2 && $1 =~ ^[0-9]+$ ]] || { usage >&2 && exit 2; }
  pull_request=$1 && shift
  while [[ $# -gt 0 && $1 != -- ]]; do subjects+=("$1") && shift; done
  [[ ${1:-} == -- ]] && shift
  [[ ${#subjects[@]} -gt 0 ]] || { usage >&2 && exit 2; }
  [[ ${USE_LAMBDA:-false} == true ]] && command=(glue_health_check_with_lambda.sh)
  for subject in "${subjects[@]}"; do
    option=--script
    [[ ${subject} == *.yml || ${subject} == *.yaml ]] && option=--config
    name=$(basename "${subject%.*}")
    code=0
    "${here}/${command[0]}" "${command[@]:1}" "${option}" "${subject}" --pr "${pull_request}" \
      --json "health-check-reports/${name}.json" --junit "health-check-reports/${name}.xml" \
      --markdown "health-check-reports/${name}.md" "$@" || code=$?
    [[ ${code} -gt ${worst} ]] && worst=${code}
  done
  exit "${worst}"
}

main "$@"
