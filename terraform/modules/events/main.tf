# EventBridge -> SQS -> Lambda, twice: new files to the trigger, job states to the monitoring; what comes by the
# clock takes the same ways. Always through a queue: it holds a burst, retries what failed, and keeps what failed for
# good. The topics are in topics.tf.
data "aws_caller_identity" "current" {}

locals {
  # AWS's advice for queues that feed Lambdas: a throttled call must not make its messages come back early.
  visibility_timeout_factor = 6

  # What feeds each Lambda.
  queues = {
    data_events = "data_trigger"
    job_events  = "monitoring"
  }

  rules = {
    data_events = {
      description = "New objects under ${var.incoming_prefix} of the raw bucket"
      pattern = {
        source      = ["aws.s3"]
        detail-type = ["Object Created"]
        detail = {
          bucket = { name = [var.raw_bucket_name] }
          object = { key = [{ prefix = var.incoming_prefix }] }
        }
      }
    }
    job_events = {
      description = "State changes of the pipeline's Glue jobs"
      pattern = {
        source      = ["aws.glue"]
        detail-type = ["Glue Job State Change"]
        detail      = { jobName = var.job_names }
      }
    }
  }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  name          = var.queue_names[each.key]
  description   = each.value.description
  event_pattern = jsonencode(each.value.pattern)
  state         = "ENABLED" # said, so that one that somebody disabled is enabled by the next apply
}

resource "aws_cloudwatch_event_rule" "schedule" {
  for_each = var.schedules

  name                = each.value.name
  description         = each.value.description
  schedule_expression = each.value.expression
  state               = "ENABLED"
}

# SQS encrypts with its own key here: messages hold only names of files and jobs, and with a KMS key
# EventBridge would need a grant on it.
resource "aws_sqs_queue" "dead_letter" {
  for_each = var.queue_names

  name                      = "${each.value}-dlq"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  policy                    = data.aws_iam_policy_document.dead_letter[each.key].json
}

resource "aws_sqs_queue" "this" {
  for_each = var.queue_names

  name                       = each.value
  message_retention_seconds  = 345600
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = local.visibility_timeout_factor * var.lambdas[local.queues[each.key]].timeout_seconds
  sqs_managed_sse_enabled    = true
  policy                     = data.aws_iam_policy_document.queue[each.key].json

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter[each.key].arn
    maxReceiveCount     = var.lambdas[local.queues[each.key]].max_receive_count
  })
}

data "aws_iam_policy_document" "queue" {
  for_each = var.queue_arns

  statement {
    sid       = "RuleSends"
    actions   = ["sqs:SendMessage"]
    resources = [each.value]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values = concat(
        [aws_cloudwatch_event_rule.this[each.key].arn],
        [for key, schedule in var.schedules : aws_cloudwatch_event_rule.schedule[key].arn if schedule.queue == each.key],
      )
    }
  }

  statement {
    sid       = "DenyPlainHttp"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

data "aws_iam_policy_document" "dead_letter" {
  for_each = var.queue_arns

  # Events that EventBridge could not put on the queue.
  statement {
    sid       = "RuleSends"
    actions   = ["sqs:SendMessage"]
    resources = ["${each.value}-dlq"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values = concat(
        [aws_cloudwatch_event_rule.this[each.key].arn],
        [for key, schedule in var.schedules : aws_cloudwatch_event_rule.schedule[key].arn if schedule.queue == each.key],
      )
    }
  }

  statement {
    sid       = "DenyPlainHttp"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = ["${each.value}-dlq"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.rules

  rule      = aws_cloudwatch_event_rule.this[each.key].name
  target_id = "queue"
  arn       = aws_sqs_queue.this[each.key].arn

  dead_letter_config {
    arn = aws_sqs_queue.dead_letter[each.key].arn
  }
}

resource "aws_cloudwatch_event_target" "schedule" {
  for_each = var.schedules

  rule      = aws_cloudwatch_event_rule.schedule[each.key].name
  target_id = "queue"
  arn       = aws_sqs_queue.this[each.value.queue].arn
  input     = each.value.input

  dead_letter_config {
    arn = aws_sqs_queue.dead_letter[each.value.queue].arn
  }
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_115:Reserved concurrency is taken from all other Lambdas of the account, and new accounts have none to give; lambdas.maximum_concurrency limits what the queue may cause.
  #checkov:skip=CKV_AWS_116:Only a queue calls it, and what it can't handle goes to that queue's dead-letter queue; a dead-letter queue of the Lambda is for asynchronous calls.
  #checkov:skip=CKV_AWS_117:It speaks to AWS's APIs only, and would need an interface endpoint for each of them.
  #checkov:skip=CKV_AWS_272:The zip is made and uploaded by the very deployment that would sign it, so a signature would prove nothing more than the code hash does.
  for_each = var.lambdas

  function_name    = each.value.name
  description      = each.value.description
  role             = each.value.role_arn
  runtime          = var.lambda_runtime
  architectures    = ["arm64"]
  handler          = "handler.handler"
  filename         = each.value.zip
  source_code_hash = filebase64sha256(each.value.zip)
  memory_size      = each.value.memory_mb
  timeout          = each.value.timeout_seconds
  kms_key_arn      = var.kms_key_arn

  environment {
    variables = merge({
      LOG_LEVEL               = var.log_level
      POWERTOOLS_SERVICE_NAME = each.value.name

      # Powertools' tracer sends segments whether or not the call is traced.
      POWERTOOLS_TRACE_DISABLED = tostring(var.lambda_tracing != "Active")
    }, each.value.environment)
  }

  logging_config {
    log_format = "Text"
    log_group  = each.value.log_group_name
  }

  tracing_config {
    mode = var.lambda_tracing
  }
}

resource "aws_lambda_event_source_mapping" "this" {
  for_each = local.queues

  event_source_arn                   = aws_sqs_queue.this[each.key].arn
  function_name                      = aws_lambda_function.this[each.value].arn
  batch_size                         = var.lambdas[each.value].batch_size
  maximum_batching_window_in_seconds = var.lambdas[each.value].batching_window_seconds
  function_response_types            = ["ReportBatchItemFailures"]

  dynamic "scaling_config" {
    for_each = var.lambdas[each.value].maximum_concurrency == null ? [] : [var.lambdas[each.value].maximum_concurrency]

    content {
      maximum_concurrency = scaling_config.value
    }
  }
}
