#!/usr/bin/env bash
# Deploys the pipeline: to this laptop (local), or to AWS (dev, staging, prod).
set -euo pipefail

usage() {
  cat <<'EOF'
Usage: scripts/deploy.sh [local|dev|staging|prod] [options]        (without a name: that in ENVIRONMENT)

  local    starts the local cloud, applies the Terraform to it, ingests the sample data and shows the result
  others   apply the Terraform to the AWS account of your credentials: what would change is shown, and you are asked

Options:
  --plan        show what would change, and change nothing; --save FILE keeps the plan
  --apply FILE  apply exactly a plan that was kept, without a question
  --destroy     remove everything that was deployed
  --yes         do not ask
  --var N=V     a Terraform variable; may be repeated
  --no-sample   local: deploy only, without sample data and run
  -h, --help    this text

Environment: AWS_REGION, PROJECT_NAME, GLUE_VERSION, PYTHON_VERSION override the Terraform variables;
TF_PLUGIN_DIR (a provider mirror, where the registry can't be reached); LOCAL_CLOUD_* (docs/local_cloud.md).
EOF
}

main() {
  local root
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  [[ -z ${ENVIRONMENT:-} || (-n ${1:-} && ${1:-} != --*) || ${1:-} == --help ]] || set -- "${ENVIRONMENT}" "$@"
  case ${1:-} in
    local | dev | staging | prod) ;;
    -h | --help) usage && exit 0 ;;
    '') usage >&2 && exit 2 ;;
    *)
      printf 'deploy: unknown environment %q; it must be local, dev, staging or prod\n\n' "$1" >&2
      usage >&2
      exit 2
      ;;
  esac
  "${root}/scripts/venv.sh" local
  exec "${root}/.venv/bin/python" "${root}/scripts/deploy.py" "$@"
}

main "$@"
