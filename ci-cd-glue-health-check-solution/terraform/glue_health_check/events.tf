# EventBridge -> SQS -> monitor, webhook -> SQS -> trigger: queues hold, retry, and give up into dead-letter queues. The
# clock calls the cleanup Lambda itself: what it misses, the next call does.
locals {
  # What feeds each Lambda.
  queues = merge({ events = "monitor" }, var.webhook.enabled ? { requests = "trigger" } : {})

  dead_letters = toset(concat(keys(local.queues), ["sweeps"]))
}

resource "aws_sqs_queue" "dead_letter" {
  for_each = local.dead_letters

  name                      = "${var.name_prefix}-${each.key}-dlq"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true # messages name jobs and commits only
  policy                    = local.queue_policies["${each.key}-dlq"]
}

resource "aws_sqs_queue" "this" {
  for_each = local.queues

  name                      = "${var.name_prefix}-${each.key}"
  message_retention_seconds = 86400 # a day later the sweeper has removed the check
  receive_wait_time_seconds = 20
  sqs_managed_sse_enabled   = true
  policy                    = local.queue_policies[each.key]

  # One message a call and few calls at a time, so nothing waits for a throttled call: no need for AWS's usual six
  # timeouts, and what came too early is tried again within the check's time.
  visibility_timeout_seconds = local.lambdas[each.value].timeout_seconds

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter[each.key].arn
    maxReceiveCount     = 5
  })
}

locals {
  # Rules by the queues that they send to; ARNs are put together, since rules name queues.
  rule_arns = { for rule in ["events", "sweeps"] : rule => "arn:${local.partition}:events:${local.region}:${local.account}:rule/${var.name_prefix}-${rule}" }
  senders   = { events = local.rule_arns.events, events-dlq = local.rule_arns.events, sweeps-dlq = local.rule_arns.sweeps }
  sqs_arn   = "arn:${local.partition}:sqs:${local.region}:${local.account}"

  queue_policies = { for queue in concat(keys(local.queues), [for name in local.dead_letters : "${name}-dlq"]) : queue => jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for rule in [lookup(local.senders, queue, "")] : {
        Sid       = "RuleSends"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = "${local.sqs_arn}:${var.name_prefix}-${queue}"
        Condition = { ArnEquals = { "aws:SourceArn" = rule } }
      } if rule != ""],
      [{
        Sid       = "DenyPlainHttp"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "sqs:*"
        Resource  = "${local.sqs_arn}:${var.name_prefix}-${queue}"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
    )
  }) }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = {
    events = { description = "Ends of health checks' jobs", schedule = null }
    sweeps = { description = "Sweeps what crashed health checks left", schedule = var.sweep_schedule }
  }

  name                = "${var.name_prefix}-${each.key}"
  description         = each.value.description
  schedule_expression = each.value.schedule
  state               = "ENABLED" # said, so that one that somebody disabled is enabled by the next apply

  event_pattern = each.value.schedule != null ? null : jsonencode({
    source      = ["aws.glue"]
    detail-type = ["Glue Job State Change"]
    detail      = { jobName = [{ prefix = local.made_by_checks }] }
  })
}

resource "aws_cloudwatch_event_target" "events" {
  rule      = aws_cloudwatch_event_rule.this["events"].name
  target_id = "queue"
  arn       = aws_sqs_queue.this["events"].arn

  dead_letter_config {
    arn = aws_sqs_queue.dead_letter["events"].arn
  }
}

resource "aws_cloudwatch_event_target" "sweeps" {
  rule      = aws_cloudwatch_event_rule.this["sweeps"].name
  target_id = "cleanup"
  arn       = aws_lambda_function.this["cleanup"].arn
  input     = jsonencode({ action = "sweep" })

  dead_letter_config {
    arn = aws_sqs_queue.dead_letter["sweeps"].arn
  }
}

resource "aws_lambda_permission" "sweeps" {
  statement_id  = "Clock"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this["cleanup"].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this["sweeps"].arn
}

resource "aws_lambda_event_source_mapping" "this" {
  for_each = local.queues

  event_source_arn        = aws_sqs_queue.this[each.key].arn
  function_name           = aws_lambda_function.this[each.value].arn
  batch_size              = 1 # a call may take minutes
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = 10
  }
}
