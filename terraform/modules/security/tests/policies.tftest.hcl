# Everything switched on, in one run: tests/test_policies.py reads the policies from what it prints.
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }

  mock_resource "aws_kms_key" {
    defaults = {
      arn    = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
      key_id = "00000000-0000-0000-0000-000000000000"
    }
  }

  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:demo-test-secret-a1b2c3" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/demo" }
  }
}

variables {
  name_prefix      = "demo-test"
  pii_secret_value = "0123456789abcdefghijklmnopqrstuvwxyz"
  bucket_arns = {
    raw       = "arn:aws:s3:::demo-test-raw"
    processed = "arn:aws:s3:::demo-test-processed"
    curated   = "arn:aws:s3:::demo-test-curated"
    quality   = "arn:aws:s3:::demo-test-quality"
    scripts   = "arn:aws:s3:::demo-test-scripts"
  }
  table_arns = {
    job_bookmarks = "arn:aws:dynamodb:us-east-1:123456789012:table/demo-test-job-bookmarks"
    job_state     = "arn:aws:dynamodb:us-east-1:123456789012:table/demo-test-job-state"
  }
  topic_arns = {
    alerts        = "arn:aws:sns:us-east-1:123456789012:demo-test-alerts"
    notifications = "arn:aws:sns:us-east-1:123456789012:demo-test-notifications"
    performance   = "arn:aws:sns:us-east-1:123456789012:demo-test-performance"
    system_health = "arn:aws:sns:us-east-1:123456789012:demo-test-system-health"
  }
  queue_arns = {
    data_events = "arn:aws:sqs:us-east-1:123456789012:demo-test-data-events"
    job_events  = "arn:aws:sqs:us-east-1:123456789012:demo-test-job-events"
  }
  job_arns               = { data_ingestion = "arn:aws:glue:us-east-1:123456789012:job/demo-test-data-ingestion" }
  workflow_arn           = "arn:aws:glue:us-east-1:123456789012:workflow/demo-test-etl-workflow"
  database_name          = "demo_test"
  metrics_namespace      = "Demo"
  lambda_log_group_names = { data_trigger = "/aws/lambda/demo-test-data-trigger", monitoring = "/aws/lambda/demo-test-monitoring" }
}

run "everything" {
  variables {
    enable_vpc            = true
    subnet_ids            = ["subnet-0a"]
    vpc_id                = "vpc-0c"
    security_group_ids    = ["sg-0b"]
    service_roles         = ["crawler", "streaming", "table_optimizer", "vpc_flow_logs"]
    incoming_scan         = "quarantine"
    enable_lambda_tracing = true
    streaming_job = {
      stream_arn     = "arn:aws:kinesis:us-east-1:123456789012:stream/demo-test-records"
      stream_key_arn = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
      cluster_arn    = "arn:aws:kafka:us-east-1:123456789012:cluster/demo-test/0a1b"
      topics         = ["orders"]
    }
    connector_secrets = {
      shop      = { description = "The shop's database" }
      warehouse = { description = "The warehouse", jobs = ["api_connector", "database_ingestion"] }
    }
    connectors = {
      api = {
        queue_arn      = "arn:aws:sqs:us-east-1:123456789012:demo-test-connectors"
        log_group_name = "/aws/lambda/demo-test-api-connector"
      }
      database = true
    }
  }

  assert {
    condition     = length(aws_iam_role_policy.this) == 12 && length(aws_iam_role_policy.network) == 5
    error_message = "Every role must have its grants, and every job those for the network."
  }
}
