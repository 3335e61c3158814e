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

  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:us-east-1:123456789012:rule/demo" }
  }

  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:us-east-1:123456789012:function:demo" }
  }

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:us-east-1:123456789012:demo" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:us-east-1:123456789012:demo" }
  }
}

override_resource {
  target = aws_sqs_queue.dead_letter
  values = { arn = "arn:aws:sqs:us-east-1:123456789012:demo-dlq" }
}

variables {
  queue_names = { data_events = "demo-data-events", job_events = "demo-job-events" }
  queue_arns  = { data_events = "arn:aws:sqs:us-east-1:123456789012:demo-data-events", job_events = "arn:aws:sqs:us-east-1:123456789012:demo-job-events" }
  topics = {
    alerts        = { name = "demo-alerts", display_name = "Quality" }
    notifications = { name = "demo-notifications", display_name = "Jobs" }
    performance   = { name = "demo-performance", display_name = "Performance", publishers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"] }
    system_health = { name = "demo-system-health", display_name = "Health" }
  }
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

run "rules_take_new_files_and_our_own_jobs_and_lambdas_know_their_settings" {
  command = plan

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this["data_events"].event_pattern).detail == { bucket = { name = ["demo-raw"] }, object = { key = [{ prefix = "data/incoming/" }] } }
    error_message = "The rule must take objects of the raw bucket below the incoming prefix, and no others."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this["job_events"].event_pattern).detail.jobName == ["demo-data-ingestion"]
    error_message = "The rule must take events of the pipeline's jobs only."
  }

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

  assert {
    condition = aws_lambda_function.this["data_trigger"].environment[0].variables == tomap({
      LOG_LEVEL = "INFO", POWERTOOLS_SERVICE_NAME = "demo-data-trigger", POWERTOOLS_TRACE_DISABLED = "true", WORKFLOW_NAME = "demo-etl-workflow"
    })
    error_message = "A Lambda's own variables must join the common ones."
  }

  assert {
    condition     = alltrue([for topic in aws_sns_topic.this : topic.kms_master_key_id == var.kms_key_arn])
    error_message = "Topics must be encrypted with the pipeline's key."
  }
}

run "addresses_and_others_are_subscribed" {
  command = plan

  variables {
    alert_emails = ["team@example.com", "boss@example.com"]
    subscriptions = {
      pager = { topic = "system_health", protocol = "https", endpoint = "https://pager.example.com/x", raw = true }
    }
  }

  assert {
    condition     = length([for one in aws_sns_topic_subscription.this : one if one.protocol == "email"]) == 8
    error_message = "Two addresses and four topics make eight subscriptions."
  }

  assert {
    condition     = aws_sns_topic_subscription.this["pager"].endpoint == "https://pager.example.com/x" && aws_sns_topic_subscription.this["pager"].raw_message_delivery
    error_message = "A subscription must keep its endpoint and its form."
  }
}

run "what_eventbridge_cannot_deliver_is_kept" {
  command = apply

  assert {
    condition     = alltrue([for key, target in aws_cloudwatch_event_target.this : target.dead_letter_config[0].arn == "arn:aws:sqs:us-east-1:123456789012:demo-dlq" && target.arn == aws_sqs_queue.this[key].arn])
    error_message = "Every rule's target must have the dead-letter queue of its queue."
  }

  assert {
    condition     = [for statement in jsondecode(aws_sns_topic_policy.this["performance"].policy).Statement : toset(statement.Principal.Service) if statement.Sid == "ServicesPublish"] == [toset(["cloudwatch.amazonaws.com", "budgets.amazonaws.com"])]
    error_message = "Only the services that are named may publish."
  }
}

run "a_schedule_sends_its_message_to_its_queue" {
  command = apply

  variables {
    schedules = {
      sweep = { name = "demo-sweep", description = "Looks for files left behind", expression = "rate(1 hour)", queue = "data_events", input = "{\"kind\":\"sweep\"}" }
    }
  }

  assert {
    condition     = aws_cloudwatch_event_rule.schedule["sweep"].schedule_expression == "rate(1 hour)" && aws_cloudwatch_event_target.schedule["sweep"].arn == aws_sqs_queue.this["data_events"].arn
    error_message = "The rule must fire by its expression, and its message go to the queue."
  }

  assert {
    condition     = length(flatten([for statement in data.aws_iam_policy_document.queue["data_events"].statement : one(statement.condition).values if statement.sid == "RuleSends"])) == 2
    error_message = "The queue must take messages of the schedule's rule, too."
  }

  assert {
    condition     = output.rule_names["sweep"] == "demo-sweep"
    error_message = "The output must name the rule."
  }
}

run "a_schedule_and_a_subscription_for_what_is_not_there_are_refused" {
  command = plan

  variables {
    schedules = {
      sweep = { name = "demo-sweep", description = "-", expression = "rate(1 hour)", queue = "other", input = "{}" }
    }
    subscriptions = { me = { topic = "gossip", protocol = "email", endpoint = "me@example.com" } }
  }

  expect_failures = [var.schedules, var.subscriptions]
}

run "a_message_that_is_no_json_and_a_mail_without_its_envelope_are_refused" {
  command = plan

  variables {
    schedules = {
      sweep = { name = "demo-sweep", description = "-", expression = "rate(1 hour)", queue = "data_events", input = "{sweep}" }
    }
    subscriptions = { me = { topic = "alerts", protocol = "email", endpoint = "me@example.com", raw = true } }
  }

  expect_failures = [var.schedules, var.subscriptions]
}

run "a_missing_topic_is_refused" {
  command = plan

  variables {
    topics = { alerts = { name = "demo-alerts", display_name = "Quality" } }
  }

  expect_failures = [var.topics]
}

run "a_publisher_that_the_key_does_not_know_is_refused" {
  command = plan

  variables {
    topics = {
      alerts        = { name = "demo-alerts", display_name = "Quality", publishers = ["s3.amazonaws.com"] }
      notifications = { name = "demo-notifications", display_name = "Jobs" }
      performance   = { name = "demo-performance", display_name = "Performance" }
      system_health = { name = "demo-system-health", display_name = "Health" }
    }
  }

  expect_failures = [var.topics]
}

run "a_queue_may_limit_its_lambda" {
  command = plan

  variables {
    lambdas = {
      data_trigger = {
        name                = "demo-data-trigger"
        description         = "Starts"
        zip                 = "tests/fixtures/lambda.zip"
        role_arn            = "arn:aws:iam::123456789012:role/demo-data-trigger"
        log_group_name      = "/aws/lambda/demo-data-trigger"
        environment         = {}
        maximum_concurrency = 2
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

  assert {
    condition     = aws_lambda_event_source_mapping.this["data_events"].scaling_config[0].maximum_concurrency == 2 && length(aws_lambda_event_source_mapping.this["job_events"].scaling_config) == 0
    error_message = "The limit must hold for the Lambda that has one, and for no other."
  }
}

run "values_that_aws_does_not_know_are_refused" {
  command = plan

  variables {
    alert_emails   = ["team"]
    log_level      = "verbose"
    lambda_runtime = "python2.7"
    lambda_tracing = "On"
    schedules = {
      sweep = { name = "demo-sweep", description = "-", expression = "hourly", queue = "data_events", input = "{}" }
    }
    subscriptions = { me = { topic = "alerts", protocol = "fax", endpoint = "123" } }
  }

  expect_failures = [var.alert_emails, var.log_level, var.lambda_runtime, var.lambda_tracing, var.schedules, var.subscriptions]
}

run "a_missing_lambda_is_refused" {
  command = plan

  variables {
    lambdas = {}
  }

  expect_failures = [var.lambdas]
}
