# Where people query the tables: a workgroup whose limits and encryption no query can get around, and queries to begin with.
data "aws_caller_identity" "current" {}

resource "aws_athena_workgroup" "this" {
  name          = var.name
  description   = var.description
  force_destroy = var.force_destroy

  configuration {
    bytes_scanned_cutoff_per_query     = floor(var.scan_limit_gb * pow(1024, 3))
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      expected_bucket_owner = data.aws_caller_identity.current.account_id
      output_location       = var.results_uri

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = var.kms_key_arn
      }
    }
  }
}

resource "aws_athena_named_query" "this" {
  for_each = var.named_queries

  name        = each.key
  description = each.value.description
  database    = var.database_name
  workgroup   = aws_athena_workgroup.this.id
  query       = each.value.query
}
