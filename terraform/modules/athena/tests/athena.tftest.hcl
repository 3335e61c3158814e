mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
}

variables {
  name          = "demo-test"
  database_name = "demo_test"
  results_uri   = "s3://demo-scripts/tmp/athena/"
  kms_key_arn   = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  named_queries = { newest = { description = "Newest checks", query = "SELECT 1" } }
}

run "no_query_gets_around_limits_and_encryption" {
  command = plan

  assert {
    condition     = aws_athena_workgroup.this.configuration[0].enforce_workgroup_configuration
    error_message = "Clients' own settings must not count."
  }

  assert {
    condition     = aws_athena_workgroup.this.configuration[0].bytes_scanned_cutoff_per_query == 107374182400
    error_message = "A query must be ended after 100 GB."
  }

  assert {
    condition     = aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].kms_key_arn == var.kms_key_arn && aws_athena_workgroup.this.configuration[0].result_configuration[0].expected_bucket_owner == "123456789012"
    error_message = "Results must be encrypted with the pipeline's key, in a bucket of this account."
  }
}

run "queries_know_their_database_and_workgroup" {
  command = apply

  assert {
    condition     = aws_athena_named_query.this["newest"].database == "demo_test" && keys(output.named_query_ids) == ["newest"]
    error_message = "A named query must be about the pipeline's database."
  }
}

run "values_that_athena_does_not_take_are_refused" {
  command = plan

  variables {
    results_uri   = "s3://demo-scripts/tmp/athena"
    scan_limit_gb = 0.001
    named_queries = { (join("", [for number in range(129) : "x"])) = { description = "-", query = "SELECT 1" } }
  }

  expect_failures = [var.results_uri, var.scan_limit_gb, var.named_queries]
}
