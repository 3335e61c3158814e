terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # The bucket and its region are made and printed by terraform/scripts/bootstrap_state.sh, and given
  # to init: -backend-config=bucket=... -backend-config=region=...
  backend "s3" {
    key          = "dev/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = var.aws_region
  allowed_account_ids = var.allowed_account_ids

  default_tags {
    tags = merge(var.tags, {
      Project     = var.project_name
      Environment = var.environment
      Pipeline    = "${var.project_name}-${var.environment}"
      ManagedBy   = "terraform"
    })
  }
}
