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

  mock_resource "aws_ce_anomaly_monitor" {
    defaults = { arn = "arn:aws:ce::123456789012:anomalymonitor/demo" }
  }
}

variables {
  name_prefix       = "demo-test"
  environment       = "test"
  metrics_namespace = "Demo"
  kms_key_arn       = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  log_group_names   = { data_trigger = "/aws/lambda/demo-test-data-trigger" }
  topic_arns = {
    alerts        = "arn:aws:sns:us-east-1:123456789012:demo-test-alerts"
    notifications = "arn:aws:sns:us-east-1:123456789012:demo-test-notifications"
    performance   = "arn:aws:sns:us-east-1:123456789012:demo-test-performance"
    system_health = "arn:aws:sns:us-east-1:123456789012:demo-test-system-health"
  }
  jobs                    = { data_ingestion = { name = "demo-test-data-ingestion", dpus = 2 } }
  workflow_name           = "demo-test-etl-workflow"
  lambda_names            = { data_trigger = "demo-test-data-trigger" }
  rule_names              = { data_events = "demo-test-data-events" }
  dead_letter_queue_names = { data_events = "demo-test-data-events-dlq" }
  table_names             = { job_state = "demo-test-job-state" }
  quality_thresholds      = { orders = 80 }
  cost_tag                = { key = "Pipeline", value = "demo-test" }
}

run "every_part_has_its_alarms_and_they_tell_the_topic_of_their_kind" {
  command = plan

  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset([
      "dead-letters-data-events", "events-lost-data-events", "job-failed-data-ingestion", "lambda-errors-data-trigger",
      "lambda-throttles-data-trigger", "quality-orders", "table-throttled-read-job-state", "table-throttled-write-job-state",
      "workflow-not-started",
    ])
    error_message = "Jobs, queues, rules, Lambdas, tables and datasets must have their alarms."
  }

  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.this), values(aws_cloudwatch_metric_alarm.slow), [aws_cloudwatch_composite_alarm.system_health]) :
      length(regexall("Runbook: docs/guides/operations.md#[a-z-]+$", alarm.alarm_description)) == 1
    ])
    error_message = "Every alarm must name its runbook."
  }

  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.slow) == ["data_ingestion"]
    error_message = "Every job must have an alarm for its duration."
  }

  assert {
    condition = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => trimprefix(one(alarm.alarm_actions), "arn:aws:sns:us-east-1:123456789012:demo-test-") } == {
      dead-letters-data-events        = "system-health"
      events-lost-data-events         = "system-health"
      job-failed-data-ingestion       = "notifications"
      lambda-errors-data-trigger      = "system-health"
      lambda-throttles-data-trigger   = "system-health"
      quality-orders                  = "alerts"
      table-throttled-read-job-state  = "performance"
      table-throttled-write-job-state = "performance"
      workflow-not-started            = "system-health"
    }
    error_message = "Every alarm must be published to the topic of its kind."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.ok_actions == alarm.alarm_actions])
    error_message = "Whoever hears of an alarm must hear that it is over."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.slow["data_ingestion"].comparison_operator == "GreaterThanUpperThreshold" && aws_cloudwatch_metric_alarm.slow["data_ingestion"].threshold_metric_id == "usual"
    error_message = "The threshold must be the band of what is usual."
  }

  assert {
    condition     = contains([for query in aws_cloudwatch_metric_alarm.slow["data_ingestion"].metric_query : query.expression], "ANOMALY_DETECTION_BAND(duration, 3)")
    error_message = "The band must be as wide as the variable says."
  }

  assert {
    condition     = aws_cloudwatch_composite_alarm.system_health.alarm_rule == "ALARM(\"demo-test-dead-letters-data-events\") OR ALARM(\"demo-test-events-lost-data-events\") OR ALARM(\"demo-test-job-failed-data-ingestion\") OR ALARM(\"demo-test-lambda-errors-data-trigger\") OR ALARM(\"demo-test-lambda-throttles-data-trigger\") OR ALARM(\"demo-test-workflow-not-started\")"
    error_message = "Failing jobs, lost messages and broken Lambdas must count; a low score, cost and slowness must not."
  }

  assert {
    condition     = output.health_alarm_name == "demo-test-system-health"
    error_message = "Scripts must find the alarm by the output."
  }
}

run "what_is_not_asked_for_is_left_out" {
  command = plan

  variables {
    duration_band_width = null
    dashboards          = ["operations"]
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.slow) == 0
    error_message = "Without a width there must be no such alarms."
  }

  assert {
    condition     = keys(aws_cloudwatch_dashboard.this) == ["operations"]
    error_message = "Only the dashboards that were asked for may be made."
  }
}

run "what_is_asked_for_raises_alarms_too" {
  command = plan

  variables {
    no_data_hours          = 26
    dataset_no_data_hours  = { orders = 2 }
    quality_thresholds     = { orders = 95 }
    delivery_stream_names  = { raw = "demo-test-raw" }
    stream_names           = { records = "demo-test-records" }
    delivery_delay_minutes = 10
    saved_queries          = { refused-files = { log_groups = ["data_trigger"], query = "fields @timestamp" } }
  }

  assert {
    condition     = alltrue([for key in ["no-data", "no-data-orders"] : aws_cloudwatch_metric_alarm.this[key].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this[key].comparison_operator == "LessThanThreshold"])
    error_message = "No metric at all must count as no data."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["no-data"].evaluation_periods == 26 && aws_cloudwatch_metric_alarm.this["no-data-orders"].evaluation_periods == 2 && aws_cloudwatch_metric_alarm.this["no-data"].period == 3600
    error_message = "As many whole hours must have been empty as the variable says."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["quality-orders"].threshold == 95 && aws_cloudwatch_metric_alarm.this["quality-orders"].comparison_operator == "LessThanThreshold"
    error_message = "A score below the threshold must raise the alarm."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["delivery-late-raw"].threshold == 600 && aws_cloudwatch_metric_alarm.this["stream-late-records"].threshold == 600000
    error_message = "The threshold must be the delay in seconds."
  }

  assert {
    condition     = aws_cloudwatch_query_definition.this["refused-files"].name == "demo-test/refused-files" && aws_cloudwatch_query_definition.this["refused-files"].log_group_names == tolist(["/aws/lambda/demo-test-data-trigger"])
    error_message = "A query must lie in the pipeline's folder and know its log groups."
  }
}

run "more_alarms_than_a_composite_takes_are_refused" {
  command = plan

  variables {
    dataset_no_data_hours = { for number in range(100) : "dataset${number}" => 24 }
  }

  expect_failures = [aws_cloudwatch_composite_alarm.system_health]
}

run "dashboards_show_runs_data_and_cost_and_logs_are_kept_for_a_while" {
  command = plan

  assert {
    condition     = output.dashboard_names == { cost = "demo-test-cost", data = "demo-test-data", operations = "demo-test-operations" }
    error_message = "There must be a dashboard of each kind."
  }

  assert {
    condition     = contains([for widget in jsondecode(aws_cloudwatch_dashboard.this["operations"].dashboard_body).widgets : widget.properties.title], "Success rate in percent, by day")
    error_message = "The success rate must be shown."
  }

  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.this["cost"].dashboard_body, "seconds_data_ingestion * 2 / 3600 * 0.44")
    error_message = "The cost must be reckoned with the job's DPUs and the price."
  }

  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.this["data"].dashboard_body, "MetricName=\\\"QualityScore\\\" Environment=\\\"test\\\"")
    error_message = "Scores of all datasets of this environment must be shown."
  }

  assert {
    condition     = alltrue([for body in aws_cloudwatch_dashboard.this : alltrue([for widget in jsondecode(body.dashboard_body).widgets : length(widget.properties.metrics) > 0])])
    error_message = "CloudWatch refuses a graph without metrics."
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 30 && group.kms_key_id == var.kms_key_arn])
    error_message = "Log groups must have a retention and a key."
  }

  assert {
    condition     = length(aws_budgets_budget.this) == 0 && length(aws_ce_anomaly_monitor.this) == 0 && length(aws_ce_anomaly_subscription.this) == 0
    error_message = "Without amounts there must be neither budget nor monitor."
  }
}

run "budget_and_unusual_cost_watch_the_pipeline_only" {
  command = plan

  variables {
    monthly_budget_usd = 50
    budget_alerts      = { actual = [100, 50] }
    cost_anomaly_usd   = 20
  }

  assert {
    condition     = one(aws_budgets_budget.this[0].cost_filter).values == tolist(["user:Pipeline$demo-test"])
    error_message = "The budget must count what carries the pipeline's tag."
  }

  assert {
    condition = toset([for notification in aws_budgets_budget.this[0].notification : "${notification.notification_type} ${notification.threshold} ${one(notification.subscriber_sns_topic_arns)}"]) == toset([
      "ACTUAL 50 ${var.topic_arns.performance}", "ACTUAL 100 ${var.topic_arns.performance}", "FORECASTED 100 ${var.topic_arns.performance}",
    ])
    error_message = "The budget must tell at the percentages that were asked for."
  }

  assert {
    condition     = jsondecode(aws_ce_anomaly_monitor.this[0].monitor_specification).Tags.Values == ["demo-test"]
    error_message = "The monitor must look at what carries the pipeline's tag."
  }

  assert {
    condition     = one(aws_ce_anomaly_subscription.this[0].subscriber).address == var.topic_arns.performance && one(aws_ce_anomaly_subscription.this[0].threshold_expression[0].dimension).values == toset(["20"])
    error_message = "It must tell the topic from that amount on."
  }
}

run "values_out_of_range_are_refused" {
  command = plan

  variables {
    log_retention_days     = 31
    quality_thresholds     = { orders = 101 }
    monthly_budget_usd     = 0
    budget_alerts          = { actual = [0] }
    cost_anomaly_usd       = 0
    duration_band_width    = 0
    no_data_hours          = 169
    dataset_no_data_hours  = { orders = 169 }
    delivery_delay_minutes = 0
    dashboards             = ["weather"]
    dpu_hour_price_usd     = 0
    saved_queries          = { x = { log_groups = ["jobs"], query = "fields @message" } }
  }

  expect_failures = [var.log_retention_days, var.quality_thresholds, var.monthly_budget_usd, var.budget_alerts, var.cost_anomaly_usd, var.duration_band_width, var.no_data_hours, var.dataset_no_data_hours, var.delivery_delay_minutes, var.dashboards, var.dpu_hour_price_usd, var.saved_queries]
}

run "half_an_hour_and_a_query_over_nothing_are_refused" {
  command = plan

  variables {
    no_data_hours = 0.5
    saved_queries = { x = { log_groups = [], query = "fields @message" } }
  }

  expect_failures = [var.no_data_hours, var.saved_queries]
}
