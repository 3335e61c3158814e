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
  name_prefix             = "demo-test"
  log_group_names         = { data_trigger = "/aws/lambda/demo-test-data-trigger" }
  kms_key_arn             = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  alerts_topic_arn        = "arn:aws:sns:us-east-1:123456789012:demo-test-alerts"
  job_names               = { data_ingestion = "demo-test-data-ingestion" }
  lambda_names            = { data_trigger = "demo-test-data-trigger" }
  dead_letter_queue_names = { data_events = "demo-test-data-events-dlq" }
  environment             = "test"
  quality_thresholds      = { orders = 80 }
  metrics_namespace       = "Demo"
}

run "every_part_has_its_alarm_and_every_alarm_is_heard" {
  command = plan

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset(["job-failed-data-ingestion", "dead-letters-data-events", "lambda-errors-data-trigger", "quality-orders"])
    error_message = "Jobs, dead-letter queues, Lambdas and datasets must have one alarm each."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([var.alerts_topic_arn])])
    error_message = "Every alarm must be published."
  }
}

run "quality_alarms_below_the_threshold" {
  command = plan

  variables {
    quality_thresholds = { orders = 95 }
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["quality-orders"].threshold == 95 && aws_cloudwatch_metric_alarm.this["quality-orders"].comparison_operator == "LessThanThreshold"
    error_message = "A score below the threshold must raise the alarm."
  }
}

run "logs_are_kept_for_a_while_and_encrypted" {
  command = plan

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 30 && group.kms_key_id == var.kms_key_arn])
    error_message = "Log groups must have a retention and a key."
  }
}

run "there_is_no_budget_unless_asked_for" {
  command = plan

  assert {
    condition     = length(aws_budgets_budget.this) == 0
    error_message = "Without monthly_budget_usd there must be no budget."
  }
}

run "a_budget_watches_the_pipeline_only" {
  command = plan

  variables {
    monthly_budget_usd = 50
    budget_tags        = { Pipeline = "demo-test" }
  }

  assert {
    condition     = one(aws_budgets_budget.this[0].cost_filter).values == tolist(["user:Pipeline$demo-test"])
    error_message = "The budget must count what carries the pipeline's tag."
  }
}

run "a_retention_that_cloudwatch_does_not_know_is_refused" {
  command = plan

  variables {
    log_retention_days = 31
  }

  expect_failures = [var.log_retention_days]
}

run "a_threshold_above_a_hundred_is_refused" {
  command = plan

  variables {
    quality_thresholds = { orders = 101 }
  }

  expect_failures = [var.quality_thresholds]
}

run "a_budget_of_nothing_is_refused" {
  command = plan

  variables {
    monthly_budget_usd = 0
  }

  expect_failures = [var.monthly_budget_usd]
}
