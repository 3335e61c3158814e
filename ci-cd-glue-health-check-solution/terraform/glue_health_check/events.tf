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
}

resource "aws_sqs_queue" "this" {
  for_each = local.queues

  name                      = "${var.name_prefix}-${each.key}"
  message_retention_seconds = 86400 # a day later the sweeper has removed the check
  receive_wait_time_seconds = 20
  sqs_managed_sse_enabled   = true

  # One message a call and few calls at a time, so nothing waits for a throttled call: no need for AWS's usual six
  # timeouts, and what came too early is tried again within the check's time.
  visibility_timeout_seconds = local.lambdas[each.value].timeout_seconds

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter[each.key].arn
    maxReceiveCount     = 5
  })
}

locals {
  # Queue by the name of its policy: who may send to it, by rule.
  senders = {
    "events"     = { url = aws_sqs_queue.this["events"].url, arn = aws_sqs_queue.this["events"].arn, rule = aws_cloudwatch_event_rule.this["events"].arn }
    "events-dlq" = { url = aws_sqs_queue.dead_letter["events"].url, arn = aws_sqs_queue.dead_letter["events"].arn, rule = aws_cloudwatch_event_rule.this["events"].arn }
    "sweeps-dlq" = { url = aws_sqs_queue.dead_letter["sweeps"].url, arn = aws_sqs_queue.dead_letter["sweeps"].arn, rule = aws_cloudwatch_event_rule.this["sweeps"].arn }
  }
}

resource "aws_sqs_queue_policy" "this" {
  for_each = local.senders

  queue_url = each.value.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "RuleSends"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = each.value.arn
        Condition = { ArnEquals = { "aws:SourceArn" = each.value.rule } }
      },
      {
        Sid       = "DenyPlainHttp"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "sqs:*"
        Resource  = each.value.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
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
