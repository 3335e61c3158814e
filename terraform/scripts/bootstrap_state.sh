#!/usr/bin/env bash
# Makes the S3 bucket that keeps the Terraform state of dev, staging or prod.
# Safe to run again: it sets what is missing and leaves the state alone.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: bootstrap_state.sh <dev|staging|prod> [bucket]

Makes the bucket (default: <project>-<environment>-tfstate-<account>) versioned, encrypted and closed to
the public, and prints the `terraform init` command that uses it.

Environment: PROJECT_NAME (default glue-etl-pipeline), AWS_REGION (default us-east-1), and the usual
variables of the AWS CLI for credentials.
TEXT
}

fail() {
  printf 'bootstrap_state: %s\n' "$1" >&2
  exit 1
}

make_bucket() {
  local bucket=$1 region=$2 account=$3 error
  if error=$(aws s3api head-bucket --bucket "$bucket" --expected-bucket-owner "$account" 2>&1); then
    printf 'bucket %s exists\n' "$bucket"
    return
  fi
  # Only a missing bucket is ours to make: a 403 means that somebody else has the name.
  [[ $error == *404* ]] || fail "bucket $bucket is there but not ours to use: $error"
  if [[ $region == us-east-1 ]]; then
    aws s3api create-bucket --bucket "$bucket" --region "$region" >/dev/null
  else
    aws s3api create-bucket --bucket "$bucket" --region "$region" \
      --create-bucket-configuration "LocationConstraint=$region" >/dev/null
  fi
  aws s3api wait bucket-exists --bucket "$bucket"
  printf 'bucket %s made in %s\n' "$bucket" "$region"
}

protect_bucket() {
  local bucket=$1 partition=$2
  aws s3api put-public-access-block --bucket "$bucket" --public-access-block-configuration \
    BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
  aws s3api put-bucket-ownership-controls --bucket "$bucket" \
    --ownership-controls 'Rules=[{ObjectOwnership=BucketOwnerEnforced}]'
  aws s3api put-bucket-versioning --bucket "$bucket" --versioning-configuration Status=Enabled
  aws s3api put-bucket-encryption --bucket "$bucket" --server-side-encryption-configuration \
    'Rules=[{ApplyServerSideEncryptionByDefault={SSEAlgorithm=aws:kms},BucketKeyEnabled=true}]'
  aws s3api put-bucket-policy --bucket "$bucket" --policy "$(tls_only_policy "arn:$partition:s3:::$bucket")"
  printf 'bucket %s is versioned, encrypted, TLS only and not public\n' "$bucket"
}

tls_only_policy() {
  printf '{"Version":"2012-10-17","Statement":[{"Sid":"DenyPlainHttp","Effect":"Deny","Principal":"*",'
  printf '"Action":"s3:*","Resource":["%s","%s/*"],' "$1" "$1"
  printf '"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}'
}

main() {
  local environment=${1:-} region=${AWS_REGION:-us-east-1} identity account partition bucket
  case $environment in
    dev | staging | prod) ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  export AWS_DEFAULT_REGION=$region # AWS_REGION alone is not read by version 1 of the AWS CLI
  command -v aws >/dev/null || fail "the AWS CLI is missing: pip install awscli"
  identity=$(aws sts get-caller-identity --query '[Account,Arn]' --output text) ||
    fail "no AWS credentials: try \`aws sts get-caller-identity\`"
  account=${identity%%[[:space:]]*}
  partition=$(cut -d: -f2 <<<"${identity##*[[:space:]]}")
  bucket=${2:-${PROJECT_NAME:-glue-etl-pipeline}-$environment-tfstate-$account}
  make_bucket "$bucket" "$region" "$account"
  protect_bucket "$bucket" "$partition"
  printf '\nterraform -chdir=terraform/environments/%s init -backend-config=bucket=%s -backend-config=region=%s\n' \
    "$environment" "$bucket" "$region"
}

main "$@"
