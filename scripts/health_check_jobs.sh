#!/usr/bin/env bash
# Health-checks the three jobs as the workflow does: as temporary jobs on stub data, whose output is checked.
set -euo pipefail

usage() {
  cat <<'EOF'
Usage: scripts/health_check_jobs.sh [PULL_REQUEST]        (its number, by default 0)

With HEALTH_CHECK_BUCKET: in that bucket's AWS account; HEALTH_CHECK_ROLE is the role of the temporary jobs.
Without: on the local cloud, which is started if it does not run (LOCAL_CLOUD_*: docs/local_cloud.md).
Reports go to health-check-reports/. Exit: 0 passed, 1 a check failed, 2 misuse, 3 infrastructure error.
EOF
}

use_local_cloud() {
  ./scripts/local_cloud.sh start
  eval "$(./scripts/local_cloud.sh env)"
  export HEALTH_CHECK_BUCKET=health-check-work
  aws s3api head-bucket --bucket "${HEALTH_CHECK_BUCKET}" 2>/dev/null || aws s3 mb "s3://${HEALTH_CHECK_BUCKET}"
}

main() {
  local options=()
  [[ ${1:-} =~ ^(-h|--help)$ ]] && usage && exit 0
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
  ./scripts/venv.sh test
  .venv/bin/python terraform/scripts/package.py
  if [[ -z ${HEALTH_CHECK_BUCKET:-} ]]; then
    unset HEALTH_CHECK_BUCKET HEALTH_CHECK_ROLE # a workflow sets them to nothing
    use_local_cloud
    options=(--poll 0.5)
  fi
  ./ci-cd-glue-health-check-solution/scripts/run_glue_health_check.sh "${1:-0}" \
    ci-cd-glue-health-check-solution/examples/data_*.yml -- ${options[@]+"${options[@]}"}
}

main "$@"
