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

run "every_part_has_its_alarms" {
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
    condition     = keys(aws_cloudwatch_metric_alarm.slow) == ["data_ingestion"]
    error_message = "Every job must have an alarm for its duration."
  }
}

run "every_alarm_tells_the_topic_of_its_kind_and_tells_when_it_is_over" {
  command = plan

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
}

run "a_run_that_is_slower_than_usual_raises_an_alarm" {
  command = plan

  assert {
    condition     = aws_cloudwatch_metric_alarm.slow["data_ingestion"].comparison_operator == "GreaterThanUpperThreshold" && aws_cloudwatch_metric_alarm.slow["data_ingestion"].threshold_metric_id == "usual"
    error_message = "The threshold must be the band of what is usual."
  }

  assert {
    condition     = contains([for query in aws_cloudwatch_metric_alarm.slow["data_ingestion"].metric_query : query.expression], "ANOMALY_DETECTION_BAND(duration, 3)")
    error_message = "The band must be as wide as the variable says."
  }
}

run "durations_need_not_be_watched" {
  command = plan

  variables {
    duration_band_width = null
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.slow) == 0
    error_message = "Without a width there must be no such alarms."
  }
}

run "silence_raises_an_alarm_where_data_is_expected" {
  command = plan

  variables {
    no_data_hours         = 26
    dataset_no_data_hours = { orders = 2 }
  }

  assert {
    condition     = alltrue([for key in ["no-data", "no-data-orders"] : aws_cloudwatch_metric_alarm.this[key].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this[key].comparison_operator == "LessThanThreshold"])
    error_message = "No metric at all must count as no data."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["no-data"].evaluation_periods == 26 && aws_cloudwatch_metric_alarm.this["no-data-orders"].evaluation_periods == 2 && aws_cloudwatch_metric_alarm.this["no-data"].period == 3600
    error_message = "As many whole hours must have been empty as the variable says."
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

run "a_stream_that_is_late_raises_an_alarm" {
  command = plan

  variables {
    delivery_stream_names  = { raw = "demo-test-raw" }
    delivery_delay_minutes = 10
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["delivery-late-raw"].threshold == 600
    error_message = "The threshold must be the delay in seconds."
  }
}

run "the_health_of_the_whole_looks_at_what_is_vital" {
  command = plan

  assert {
    condition     = aws_cloudwatch_composite_alarm.system_health.alarm_rule == "ALARM(\"demo-test-dead-letters-data-events\") OR ALARM(\"demo-test-events-lost-data-events\") OR ALARM(\"demo-test-job-failed-data-ingestion\") OR ALARM(\"demo-test-lambda-errors-data-trigger\") OR ALARM(\"demo-test-lambda-throttles-data-trigger\") OR ALARM(\"demo-test-workflow-not-started\")"
    error_message = "Failing jobs, lost messages and broken Lambdas must count; a low score, cost and slowness must not."
  }

  assert {
    condition     = output.health_alarm_name == "demo-test-system-health"
    error_message = "Scripts must find the alarm by the output."
  }
}

run "more_alarms_than_a_composite_takes_are_refused" {
  command = plan

  variables {
    dataset_no_data_hours = { for number in range(100) : "dataset${number}" => 24 }
  }

  expect_failures = [aws_cloudwatch_composite_alarm.system_health]
}

run "dashboards_show_runs_data_and_cost" {
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
}

run "a_graph_of_nothing_is_left_out" {
  command = plan

  assert {
    condition     = alltrue([for body in aws_cloudwatch_dashboard.this : alltrue([for widget in jsondecode(body.dashboard_body).widgets : length(widget.properties.metrics) > 0])])
    error_message = "CloudWatch refuses a graph without metrics."
  }
}

run "dashboards_can_be_left_out" {
  command = plan

  variables {
    dashboards = ["operations"]
  }

  assert {
    condition     = keys(aws_cloudwatch_dashboard.this) == ["operations"]
    error_message = "Only the dashboards that were asked for may be made."
  }
}

run "logs_are_kept_for_a_while_and_encrypted" {
  command = plan

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 30 && group.kms_key_id == var.kms_key_arn])
    error_message = "Log groups must have a retention and a key."
  }
}

run "queries_are_saved_over_their_log_groups" {
  command = plan

  variables {
    saved_queries = { refused-files = { log_groups = ["data_trigger"], query = "fields @timestamp" } }
  }

  assert {
    condition     = aws_cloudwatch_query_definition.this["refused-files"].name == "demo-test/refused-files" && aws_cloudwatch_query_definition.this["refused-files"].log_group_names == tolist(["/aws/lambda/demo-test-data-trigger"])
    error_message = "A query must lie in the pipeline's folder and know its log groups."
  }
}

run "there_is_no_budget_and_no_search_for_anomalies_unless_asked_for" {
  command = plan

  assert {
    condition     = length(aws_budgets_budget.this) == 0 && length(aws_ce_anomaly_monitor.this) == 0 && length(aws_ce_anomaly_subscription.this) == 0
    error_message = "Without amounts there must be neither budget nor monitor."
  }
}

run "a_budget_watches_the_pipeline_only" {
  command = plan

  variables {
    monthly_budget_usd = 50
    budget_alerts      = { actual = [100, 50] }
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
}

run "unusual_cost_is_told" {
  command = plan

  variables {
    cost_anomaly_usd = 20
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

run "a_percentage_of_nothing_is_refused" {
  command = plan

  variables {
    budget_alerts = { actual = [0] }
  }

  expect_failures = [var.budget_alerts]
}

run "an_anomaly_of_nothing_is_refused" {
  command = plan

  variables {
    cost_anomaly_usd = 0
  }

  expect_failures = [var.cost_anomaly_usd]
}

run "a_band_of_no_width_is_refused" {
  command = plan

  variables {
    duration_band_width = 0
  }

  expect_failures = [var.duration_band_width]
}

run "more_hours_than_a_week_are_refused" {
  command = plan

  variables {
    no_data_hours = 169
  }

  expect_failures = [var.no_data_hours]
}

run "half_an_hour_without_data_is_refused" {
  command = plan

  variables {
    no_data_hours = 0.5
  }

  expect_failures = [var.no_data_hours]
}

run "more_hours_of_a_dataset_than_a_week_are_refused" {
  command = plan

  variables {
    dataset_no_data_hours = { orders = 169 }
  }

  expect_failures = [var.dataset_no_data_hours]
}

run "a_delay_of_nothing_is_refused" {
  command = plan

  variables {
    delivery_delay_minutes = 0
  }

  expect_failures = [var.delivery_delay_minutes]
}

run "an_unknown_dashboard_is_refused" {
  command = plan

  variables {
    dashboards = ["weather"]
  }

  expect_failures = [var.dashboards]
}

run "a_price_of_nothing_is_refused" {
  command = plan

  variables {
    dpu_hour_price_usd = 0
  }

  expect_failures = [var.dpu_hour_price_usd]
}

run "a_query_over_a_log_group_that_is_not_there_is_refused" {
  command = plan

  variables {
    saved_queries = { x = { log_groups = ["jobs"], query = "fields @message" } }
  }

  expect_failures = [var.saved_queries]
}

run "a_query_over_nothing_is_refused" {
  command = plan

  variables {
    saved_queries = { x = { log_groups = [], query = "fields @message" } }
  }

  expect_failures = [var.saved_queries]
}
