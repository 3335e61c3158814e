terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # init gets -backend-config=path=… (scripts/implement_health_check_system.sh). A team keeps its state in S3: it
  # calls the module from a root of its own.
  backend "local" {}
}

# Credentials, region and endpoints come from the environment, as the AWS CLI takes them.
provider "aws" {
  s3_use_path_style           = var.local_cloud
  skip_credentials_validation = var.local_cloud
  skip_metadata_api_check     = var.local_cloud
  skip_region_validation      = var.local_cloud

  default_tags {
    tags = { Project = var.name_prefix, ManagedBy = "terraform" }
  }
}
