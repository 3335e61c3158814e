# What somebody should look at. No data is no trouble.
locals {
  metrics_namespace = "GlueHealthCheck/${var.name_prefix}"

  alarms = merge(
    { for name in keys(local.enabled) : "errors-${name}" => {
      description = "The Lambda ${var.name_prefix}-${name} threw an error; its log says why."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = "${var.name_prefix}-${name}" }
      statistic   = "Sum"
    } },
    { for name in local.dead_letters : "dead-letters-${name}" => {
      description = "Messages in ${var.name_prefix}-${name}-dlq were tried in vain."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = "${var.name_prefix}-${name}-dlq" }
      statistic   = "Maximum"
    } },
    { for name in ["cleanup", "monitor"] : "left-behind-${name}" => {
      description = "A health check could not be removed; the log of ${var.name_prefix}-${name} says what is left, and why."
      namespace   = local.metrics_namespace
      metric      = "LeftBehind"
      dimensions  = { service = "${var.name_prefix}-${name}" }
      statistic   = "Sum"
    } },
    var.webhook.enabled ? { refused-deliveries = {
      description = "Deliveries of the webhook were refused: somebody tries, or the secret differs from GitHub's."
      namespace   = local.metrics_namespace
      metric      = "DeliveriesRefused"
      dimensions  = { service = "${var.name_prefix}-webhook" }
      statistic   = "Sum"
    } } : {},
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name_prefix}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
}
