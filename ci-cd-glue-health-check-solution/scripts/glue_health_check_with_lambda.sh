#!/usr/bin/env bash
# A health check that Lambdas make (docs/lambda.md): the same options, reports and exit codes as glue_health_check.sh run.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: glue_health_check_with_lambda.sh OPTIONS OF glue-health-check run

Environment: USE_LAMBDA (true; false makes the check from here), LAMBDA_TRIGGER_FUNCTION, LAMBDA_CLEANUP_FUNCTION,
LAMBDA_MONITOR_FUNCTION (without it the report comes a little later), SCRIPT_LOCATION or HEALTH_CHECK_BUCKET (the work
bucket of the Lambdas), AWS_REGION, HEALTH_CHECK_TIMEOUT (minutes).
Exit: 0 passed, 1 a check failed, 2 misuse, 3 infrastructure error. The cleanup Lambda is called in every case.
TEXT
}

main() {
  local here
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  [[ $# -gt 0 ]] || { usage >&2 && exit 2; }
  [[ $1 =~ ^(-h|--help)$ ]] && usage && exit 0
  export USE_LAMBDA=${USE_LAMBDA:-true}
  exec "${here}/glue_health_check.sh" run "$@"
}

main "$@"
