#!/usr/bin/env bash
# Brings the Lambdas of the health check into an account or onto a local cloud: packs, plans, asks, applies.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: implement_health_check_system.sh WORK_BUCKET [--plan | --destroy] [--yes] [-- OPTIONS OF terraform]

  WORK_BUCKET  name of the bucket for checks, which is made
  --plan       show what would be done, and do nothing
  --destroy    remove everything again
  --yes        don't ask

Options of terraform: such as -var-file=team.tfvars; terraform/examples/standalone/variables.tf has the variables.
Environment: AWS credentials and region as the AWS CLI takes them; AWS_ENDPOINT_URL for a local cloud;
HEALTH_CHECK_STATE, file of Terraform's state (terraform.tfstate beside the example).
Exit: 0 done, 2 misuse, 3 a tool is missing, or packing or Terraform failed.
TEXT
}

fail() {
  printf 'error: %s\n' "$2" >&2
  exit "$1"
}

check_tools() {
  command -v terraform >/dev/null || fail 3 "terraform is missing; install 1.11 or later: https://developer.hashicorp.com/terraform/install"
  command -v python3 >/dev/null || fail 3 "python3 is missing; install 3.10 or later"
  [[ -n ${AWS_REGION:-${AWS_DEFAULT_REGION:-}} ]] || fail 2 "there is no region; set AWS_REGION"
}

# A provider that lies on this machine, for those who have no way to the registry.
initialise() {
  local root=$1 options=(-input=false -no-color -reconfigure "-backend-config=path=$2")
  [[ -n ${TF_PLUGIN_DIR:-} ]] && options+=("-plugin-dir=${TF_PLUGIN_DIR}")
  terraform -chdir="${root}" init "${options[@]}" >/dev/null || fail 3 "terraform init failed, see above"
}

confirm() {
  local answer
  [[ $2 == true ]] && return
  [[ -t 0 ]] || fail 2 "nobody is there to ask; say --yes"
  read -r -p "$1 [y/N] " answer
  [[ ${answer} == [yY]* ]] || fail 2 "nothing was done"
}

tell_next() {
  printf '\nSet in CI:\n'
  terraform -chdir="$1" output -json ci_environment | python3 -c '
import json, sys
for name, value in json.load(sys.stdin).items():
    print(f"  {name}={value}")'
  printf 'and call scripts/glue_health_check_with_lambda.sh. The role of CI needs: terraform -chdir=%s output -raw ci_policy\n' "$1"
}

main() {
  local here root state plan python bucket='' action=apply yes=false options=() packing=()
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  root=${here}/terraform/examples/standalone
  while [[ $# -gt 0 ]]; do
    case $1 in
      -h | --help) usage && exit 0 ;;
      --plan) action=plan ;;
      --destroy) action=destroy ;;
      --yes) yes=true ;;
      --) shift && options+=("$@") && break ;;
      -*) usage >&2 && exit 2 ;;
      *) [[ -z ${bucket} ]] || { usage >&2 && exit 2; } && bucket=$1 ;;
    esac
    shift
  done
  [[ -n ${bucket} ]] || { usage >&2 && exit 2; }
  check_tools
  state=${HEALTH_CHECK_STATE:-${root}/terraform.tfstate}
  plan=$(mktemp) && trap 'rm -f "${plan:-}"' EXIT
  python=$("${here}/scripts/python.sh")
  options+=(-input=false "-var=work_bucket_name=${bucket}" "-var=build_dir=${here}/build")
  [[ -n ${AWS_ENDPOINT_URL:-} ]] && options+=(-var=local_cloud=true) && packing+=(--no-layer)
  [[ ${action} == destroy ]] && options+=(-destroy)
  "${python}" "${here}/scripts/package_lambdas.py" ${packing[@]+"${packing[@]}"} || fail 3 "packing failed, see above"
  initialise "${root}" "${state}"
  terraform -chdir="${root}" plan -compact-warnings -out="${plan}" "${options[@]}" || fail 3 "terraform plan failed, see above"
  [[ ${action} == plan ]] && exit 0
  confirm "Do this?" "${yes}"
  terraform -chdir="${root}" apply -input=false -compact-warnings "${plan}" || fail 3 "terraform apply failed, see above"
  [[ ${action} == destroy ]] || tell_next "${root}"
}

main "$@"
