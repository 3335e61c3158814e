#!/usr/bin/env bash
# Reports every part of a deployment: whether it is there, healthy, and still as Terraform made it. Changes nothing.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/check_deployment_status.sh [local|dev|staging|prod] [options]

Without a name: that in ENVIRONMENT, else local.

Options:
  --json        print JSON (scripts/deployment_status/status.schema.json) instead of a table
  --no-drift    leave out the comparison with Terraform's plan
  --all         list also what is well and many: alarms, log groups, dashboards
  --var N=V     a Terraform variable that it was deployed with; may be repeated
  -h, --help    this text

Exit status: 0 healthy, 1 not healthy or never deployed, 2 misuse, 3 the account can't be reached.

Environment: AWS_REGION, PROJECT_NAME, GLUE_VERSION, PYTHON_VERSION as for deploy.sh; LOCAL_CLOUD_* for local.
TEXT
}

main() {
  local root
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  [[ -n ${1:-} && ${1:-} != -* ]] || set -- "${ENVIRONMENT:-local}" "$@"
  case $1 in
    local | dev | staging | prod) ;;
    *)
      printf 'check_deployment_status: unknown environment %q; it must be local, dev, staging or prod\n\n' "$1" >&2
      usage >&2
      exit 2
      ;;
  esac
  case ${2:-} in
    -h | --help) usage && exit 0 ;;
  esac
  "${root}/scripts/venv.sh" local >&2
  exec "${root}/.venv/bin/python" "${root}/scripts/check_deployment_status.py" "$@"
}

main "$@"
