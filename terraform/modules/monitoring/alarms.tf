# One entry per alarm; `runbook` is the section of docs/guides/operations.md that says what it means and what to do. The
# description names it, and so does the message that people get.
locals {
  # Counts treat silence as health; so does quality, whose metric comes only when something was checked.
  alarm_defaults = {
    statistic  = "Sum"
    comparison = "GreaterThanThreshold"
    threshold  = 0
    period     = 300
    periods    = 1
    missing    = "notBreaching"
  }

  runbooks = "Runbook: docs/guides/operations.md"

  # Sums of whole hours, so that CloudWatch can look back a week.
  no_data_defaults = {
    runbook    = "no-data"
    statistic  = "Sum"
    comparison = "LessThanThreshold"
    threshold  = 1
    period     = 3600
    missing    = "breaching"
  }

  job_alarms = { for key, job in var.jobs : "job-failed-${replace(key, "_", "-")}" => {
    topic       = "notifications"
    runbook     = "job-failed"
    description = "The Glue job ${job.name} failed. Its error message is in `aws glue get-job-runs --job-name ${job.name}`."
    namespace   = var.metrics_namespace
    metric      = "JobFailures"
    dimensions  = { JobName = job.name }
  } }

  dead_letter_alarms = { for key, name in var.dead_letter_queue_names : "dead-letters-${replace(key, "_", "-")}" => {
    topic       = "system_health"
    runbook     = "dead-letters"
    description = "Messages in ${name} were tried in vain and wait for somebody to look at them."
    namespace   = "AWS/SQS"
    metric      = "ApproximateNumberOfMessagesVisible"
    dimensions  = { QueueName = name }
    statistic   = "Maximum"
  } }

  lambda_alarms = merge([for key, name in var.lambda_names : {
    "lambda-errors-${replace(key, "_", "-")}" = {
      topic       = "system_health"
      runbook     = "lambda-errors"
      description = "The Lambda ${name} threw an error. Its messages come back by themselves; its log says why."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = name }
    }
    "lambda-throttles-${replace(key, "_", "-")}" = {
      topic       = "system_health"
      runbook     = "lambda-throttles"
      description = "Calls of the Lambda ${name} were refused, because the account runs as many Lambdas as it may. Its messages come back by themselves."
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = { FunctionName = name }
    }
  }]...)

  event_alarms = merge(
    { for key, name in var.rule_names : "events-lost-${replace(key, "_", "-")}" => {
      topic       = "system_health"
      runbook     = "events-lost"
      description = "EventBridge could not put events of the rule ${name} on their queue. They are in its dead-letter queue, if that could be reached."
      namespace   = "AWS/Events"
      metric      = "FailedInvocations"
      dimensions  = { RuleName = name }
    } },
    { workflow-not-started = {
      topic       = "system_health"
      runbook     = "workflow-not-started"
      description = "Files arrived, and no run of ${var.workflow_name} could be started for them. The log of the data_trigger Lambda says why; the messages come back."
      namespace   = var.metrics_namespace
      metric      = "WorkflowStartErrors"
      dimensions  = { WorkflowName = var.workflow_name }
    } },
    { for key, name in var.stream_names : "stream-late-${replace(key, "_", "-")}" => {
      topic       = "system_health"
      runbook     = "stream-late"
      description = "The oldest unread record of the Kinesis stream ${name} waits for longer than ${var.delivery_delay_minutes} minutes: whoever reads it stands still, or can't keep up."
      namespace   = "AWS/Kinesis"
      metric      = "GetRecords.IteratorAgeMilliseconds"
      dimensions  = { StreamName = name }
      statistic   = "Maximum"
      threshold   = 60000 * var.delivery_delay_minutes
      periods     = 3
    } },
    { for key, name in var.delivery_stream_names : "delivery-late-${replace(key, "_", "-")}" => {
      topic       = "system_health"
      runbook     = "delivery-late"
      description = "The oldest record of the Firehose stream ${name} waits for longer than ${var.delivery_delay_minutes} minutes."
      namespace   = "AWS/Firehose"
      metric      = "DeliveryToS3.DataFreshness"
      dimensions  = { DeliveryStreamName = name }
      statistic   = "Maximum"
      threshold   = 60 * var.delivery_delay_minutes
      periods     = 3
    } },
  )

  table_alarms = merge([for key, name in var.table_names : { for kind in ["Read", "Write"] :
    "table-throttled-${lower(kind)}-${replace(key, "_", "-")}" => {
      topic       = "performance"
      runbook     = "table-throttled"
      description = "DynamoDB refused to ${lower(kind)} the table ${name} as fast as it was asked to. Jobs and Lambdas try again by themselves, and take longer."
      namespace   = "AWS/DynamoDB"
      metric      = "${kind}ThrottleEvents"
      dimensions  = { TableName = name }
    }
  }]...)

  quality_alarms = { for dataset, threshold in var.quality_thresholds : "quality-${dataset}" => {
    topic       = "alerts"
    runbook     = "quality"
    description = "The quality score of ${dataset} is below ${threshold}. The report in the quality bucket says which rules failed."
    namespace   = var.metrics_namespace
    metric      = "QualityScore"
    dimensions  = { Environment = var.environment, Dataset = dataset }
    statistic   = "Minimum"
    comparison  = "LessThanThreshold"
    threshold   = threshold
  } }

  no_data_alarms = merge(
    { for hours in [var.no_data_hours] : "no-data" => merge(local.no_data_defaults, {
      topic       = "system_health"
      description = "No new file has arrived for ${hours} hours."
      namespace   = var.metrics_namespace
      metric      = "FilesArrived"
      dimensions  = { WorkflowName = var.workflow_name }
      periods     = hours
    }) if hours != null },
    { for dataset, hours in var.dataset_no_data_hours : "no-data-${dataset}" => merge(local.no_data_defaults, {
      topic       = "system_health"
      description = "No new row of ${dataset} has come for ${hours} hours."
      namespace   = var.metrics_namespace
      metric      = "RowsWritten"
      dimensions  = { Environment = var.environment, Dataset = dataset }
      periods     = hours
    }) },
  )

  alarms = { for key, alarm in merge(
    local.dead_letter_alarms, local.event_alarms, local.job_alarms, local.lambda_alarms, local.no_data_alarms,
    local.quality_alarms, local.table_alarms,
  ) : key => merge(local.alarm_defaults, alarm) }

  # The pipeline as a whole: does data come in, and does it get through? How good and how fast is another question.
  vital_alarms = sort([for key, alarm in local.alarms : key if contains(["notifications", "system_health"], alarm.topic)])
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name_prefix}-${each.key}"
  alarm_description   = "${each.value.description} ${local.runbooks}#${each.value.runbook}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = [var.topic_arns[each.value.topic]]
  ok_actions          = [var.topic_arns[each.value.topic]]
}

# CloudWatch learns from two weeks of runs what is usual; until then these alarms say nothing.
resource "aws_cloudwatch_metric_alarm" "slow" {
  for_each = { for key, job in var.jobs : key => job if var.duration_band_width != null && !job.endless }

  alarm_name          = "${var.name_prefix}-job-slow-${replace(each.key, "_", "-")}"
  alarm_description   = "A run of the Glue job ${each.value.name} took longer than is usual for it. ${local.runbooks}#job-slow"
  comparison_operator = "GreaterThanUpperThreshold"
  threshold_metric_id = "usual"
  evaluation_periods  = 1
  datapoints_to_alarm = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arns.performance]
  ok_actions          = [var.topic_arns.performance]

  metric_query {
    id          = "usual"
    label       = "Usual duration"
    expression  = "ANOMALY_DETECTION_BAND(duration, ${var.duration_band_width})"
    return_data = true
  }

  metric_query {
    id          = "duration"
    label       = "Duration in seconds"
    return_data = true

    metric {
      namespace   = var.metrics_namespace
      metric_name = "JobDuration"
      dimensions  = { JobName = each.value.name }
      stat        = "Maximum"
      period      = 3600
    }
  }
}

# One state for the whole. Each of its alarms tells by itself what is wrong; this one is for a pager, for a status
# page, and for scripts.
resource "aws_cloudwatch_composite_alarm" "system_health" {
  alarm_name        = "${var.name_prefix}-system-health"
  alarm_description = "Something of ${var.name_prefix} does not work: data does not come in, or does not get through. ${local.runbooks}#system-health"
  alarm_rule        = join(" OR ", [for key in local.vital_alarms : "ALARM(\"${aws_cloudwatch_metric_alarm.this[key].alarm_name}\")"])
  alarm_actions     = [var.topic_arns.system_health]
  ok_actions        = [var.topic_arns.system_health]

  lifecycle {
    precondition {
      condition     = length(local.vital_alarms) <= 100
      error_message = "A composite alarm takes at most 100 alarms, and this one would have ${length(local.vital_alarms)}: give fewer datasets an alarm of their own in dataset_no_data_hours."
    }
  }
}
