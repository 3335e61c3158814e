terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # The state belongs to one local cloud and lies in its folder: init gets -backend-config=path=...
  # (see README.md).
  backend "local" {}
}

# Where the local cloud listens, and the credentials for it, come from the environment variables that
# `scripts/local_cloud.sh env` prints. allowed_account_ids keeps this off real accounts.
provider "aws" {
  region              = var.aws_region
  allowed_account_ids = var.allowed_account_ids

  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true

  default_tags {
    tags = merge(var.tags, {
      Project     = var.project_name
      Environment = var.environment
      Pipeline    = "${var.project_name}-${var.environment}"
      ManagedBy   = "terraform"
    })
  }
}
