data "aws_region" "current" {}

locals {
  # One entry per alarm. The two that watch counts treat silence as health; so does quality, whose
  # metric comes only when a run has checked something.
  alarms = merge(
    { for key, name in var.job_names : "job-failed-${replace(key, "_", "-")}" => {
      description = "The Glue job ${name} failed. Its error message is in `aws glue get-job-runs --job-name ${name}`."
      namespace   = var.metrics_namespace
      metric      = "JobFailures"
      dimensions  = { JobName = name }
      statistic   = "Sum"
      comparison  = "GreaterThanThreshold"
      threshold   = 0
    } },
    { for key, name in var.dead_letter_queue_names : "dead-letters-${replace(key, "_", "-")}" => {
      description = "Messages in ${name} were tried in vain and wait for somebody to look at them."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = name }
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = 0
    } },
    { for key, name in var.lambda_names : "lambda-errors-${replace(key, "_", "-")}" => {
      description = "The Lambda ${name} threw an error. Its messages come back by themselves; its log says why."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = name }
      statistic   = "Sum"
      comparison  = "GreaterThanThreshold"
      threshold   = 0
    } },
    { for dataset, threshold in var.quality_thresholds : "quality-${dataset}" => {
      description = "The quality score of ${dataset} is below ${threshold}. The report in the quality bucket says which rules failed."
      namespace   = var.metrics_namespace
      metric      = "QualityScore"
      dimensions  = { Environment = var.environment, Dataset = dataset }
      statistic   = "Minimum"
      comparison  = "LessThanThreshold"
      threshold   = threshold
    } },
  )

  region = data.aws_region.current.name

  # Each graph: its title, and its metrics as CloudWatch's dashboards spell them.
  graphs = [
    {
      title   = "Runs"
      metrics = [for name in values(var.job_names) : [var.metrics_namespace, "JobSuccesses", "JobName", name]]
      stat    = "Sum"
    },
    {
      title   = "Failures"
      metrics = [for name in values(var.job_names) : [var.metrics_namespace, "JobFailures", "JobName", name]]
      stat    = "Sum"
    },
    {
      title   = "Duration in seconds"
      metrics = [for name in values(var.job_names) : [var.metrics_namespace, "JobDuration", "JobName", name]]
      stat    = "Maximum"
    },
    {
      title   = "Quality score"
      metrics = [for dataset in keys(var.quality_thresholds) : [var.metrics_namespace, "QualityScore", "Environment", var.environment, "Dataset", dataset]]
      stat    = "Minimum"
    },
    {
      title   = "Dead letters"
      metrics = [for name in values(var.dead_letter_queue_names) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", name]]
      stat    = "Maximum"
    },
    {
      title   = "Lambda errors"
      metrics = [for name in values(var.lambda_names) : ["AWS/Lambda", "Errors", "FunctionName", name]]
      stat    = "Sum"
    },
  ]
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = var.log_group_names

  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name_prefix}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = 1
  datapoints_to_alarm = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alerts_topic_arn]
  ok_actions          = [var.alerts_topic_arn]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name_prefix

  dashboard_body = jsonencode({
    widgets = [for index, graph in local.graphs : {
      type   = "metric"
      x      = 12 * (index % 2)
      y      = 6 * floor(index / 2)
      width  = 12
      height = 6
      properties = {
        title   = graph.title
        metrics = graph.metrics
        stat    = graph.stat
        region  = local.region
        period  = 300
        view    = "timeSeries"
      }
    }]
  })
}

resource "aws_budgets_budget" "this" {
  count = var.monthly_budget_usd == null ? 0 : 1

  name         = var.name_prefix
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "cost_filter" {
    for_each = length(var.budget_tags) == 0 ? [] : [1]

    content {
      name   = "TagKeyValue"
      values = [for key, value in var.budget_tags : format("user:%s$%s", key, value)]
    }
  }

  notification {
    comparison_operator       = "GREATER_THAN"
    threshold                 = 80
    threshold_type            = "PERCENTAGE"
    notification_type         = "ACTUAL"
    subscriber_sns_topic_arns = [var.alerts_topic_arn]
  }

  notification {
    comparison_operator       = "GREATER_THAN"
    threshold                 = 100
    threshold_type            = "PERCENTAGE"
    notification_type         = "FORECASTED"
    subscriber_sns_topic_arns = [var.alerts_topic_arn]
  }
}
