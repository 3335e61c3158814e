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

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  queue_names     = { data_events = "demo-data-events", job_events = "demo-job-events" }
  queue_arns      = { data_events = "arn:aws:sqs:us-east-1:123456789012:demo-data-events", job_events = "arn:aws:sqs:us-east-1:123456789012:demo-job-events" }
  topic_names     = { alerts = "demo-alerts", notifications = "demo-notifications" }
  kms_key_arn     = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  raw_bucket_name = "demo-raw"
  incoming_prefix = "data/incoming/"
  job_names       = ["demo-data-ingestion"]
  lambdas = {
    data_trigger = {
      name              = "demo-data-trigger"
      description       = "Starts"
      zip               = "tests/fixtures/lambda.zip"
      role_arn          = "arn:aws:iam::123456789012:role/demo-data-trigger"
      log_group_name    = "/aws/lambda/demo-data-trigger"
      environment       = { WORKFLOW_NAME = "demo-etl-workflow" }
      timeout_seconds   = 20
      max_receive_count = 300
    }
    monitoring = {
      name           = "demo-monitoring"
      description    = "Records"
      zip            = "tests/fixtures/lambda.zip"
      role_arn       = "arn:aws:iam::123456789012:role/demo-monitoring"
      log_group_name = "/aws/lambda/demo-monitoring"
      environment    = {}
    }
  }
}

run "only_new_files_in_the_incoming_folder_count" {
  command = plan

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this["data_events"].event_pattern).detail == { bucket = { name = ["demo-raw"] }, object = { key = [{ prefix = "data/incoming/" }] } }
    error_message = "The rule must take objects of the raw bucket below the incoming prefix, and no others."
  }
}

run "only_our_own_jobs_are_watched" {
  command = plan

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this["job_events"].event_pattern).detail.jobName == ["demo-data-ingestion"]
    error_message = "The rule must take events of the pipeline's jobs only."
  }
}

run "lambdas_report_which_messages_failed" {
  command = plan

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.this : contains(mapping.function_response_types, "ReportBatchItemFailures") && mapping.maximum_batching_window_in_seconds > 0])
    error_message = "One bad message must not bring a whole batch back, and a burst must be taken in batches."
  }

  assert {
    condition     = aws_sqs_queue.this["data_events"].visibility_timeout_seconds == 120 && aws_sqs_queue.this["job_events"].visibility_timeout_seconds == 360
    error_message = "A message must stay hidden for six times the Lambda's timeout."
  }

  assert {
    condition     = alltrue([for queue in aws_sqs_queue.dead_letter : queue.message_retention_seconds == 1209600])
    error_message = "Dead letters must be kept as long as SQS can."
  }
}

run "lambdas_know_their_settings" {
  command = plan

  assert {
    condition = aws_lambda_function.this["data_trigger"].environment[0].variables == tomap({
      LOG_LEVEL = "INFO", POWERTOOLS_SERVICE_NAME = "demo-data-trigger", WORKFLOW_NAME = "demo-etl-workflow"
    })
    error_message = "A Lambda's own variables must join the common ones."
  }
}

run "each_address_is_subscribed_to_both_topics" {
  command = plan

  variables {
    alert_emails = ["team@example.com", "boss@example.com"]
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 4
    error_message = "Two addresses and two topics make four subscriptions."
  }
}

run "an_address_that_is_none_is_refused" {
  command = plan

  variables {
    alert_emails = ["team"]
  }

  expect_failures = [var.alert_emails]
}

run "an_unknown_log_level_is_refused" {
  command = plan

  variables {
    log_level = "verbose"
  }

  expect_failures = [var.log_level]
}

run "an_unknown_runtime_is_refused" {
  command = plan

  variables {
    lambda_runtime = "python2.7"
  }

  expect_failures = [var.lambda_runtime]
}

run "a_missing_lambda_is_refused" {
  command = plan

  variables {
    lambdas = {}
  }

  expect_failures = [var.lambdas]
}
