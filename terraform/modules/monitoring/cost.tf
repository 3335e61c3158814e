# The budget, and AWS's own search for unusual cost. Both tell the performance topic.
locals {
  budget_alerts = concat(
    [for percent in sort([for each in var.budget_alerts.actual : format("%04d", each)]) : { type = "ACTUAL", percent = tonumber(percent) }],
    [for percent in sort([for each in var.budget_alerts.forecasted : format("%04d", each)]) : { type = "FORECASTED", percent = tonumber(percent) }],
  )
}

resource "aws_budgets_budget" "this" {
  count = var.monthly_budget_usd == null ? 0 : 1

  name         = var.name_prefix
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:%s$%s", var.cost_tag.key, var.cost_tag.value)]
  }

  dynamic "notification" {
    for_each = local.budget_alerts

    content {
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value.percent
      threshold_type            = "PERCENTAGE"
      notification_type         = notification.value.type
      subscriber_sns_topic_arns = [var.topic_arns.performance]
    }
  }
}

resource "aws_ce_anomaly_monitor" "this" {
  count = var.cost_anomaly_usd == null ? 0 : 1

  name         = var.name_prefix
  monitor_type = "CUSTOM"

  # AWS gives back every part of the expression, so the empty ones are written, too.
  monitor_specification = jsonencode({
    And            = null
    CostCategories = null
    Dimensions     = null
    Not            = null
    Or             = null
    Tags           = { Key = var.cost_tag.key, MatchOptions = null, Values = [var.cost_tag.value] }
  })
}

resource "aws_ce_anomaly_subscription" "this" {
  count = var.cost_anomaly_usd == null ? 0 : 1

  name             = var.name_prefix
  frequency        = "IMMEDIATE"
  monitor_arn_list = [aws_ce_anomaly_monitor.this[0].arn]

  subscriber {
    type    = "SNS"
    address = var.topic_arns.performance
  }

  threshold_expression {
    dimension {
      key           = "ANOMALY_TOTAL_IMPACT_ABSOLUTE"
      match_options = ["GREATER_THAN_OR_EQUAL"]
      values        = [tostring(var.cost_anomaly_usd)]
    }
  }
}
