# EventBridge -> SQS -> Lambda, twice: new files to the trigger, job states to the monitoring.
# Always through a queue: it holds a burst, retries what failed, and keeps what failed for good.
data "aws_caller_identity" "current" {}

locals {
  # AWS's advice for queues that feed Lambdas: a throttled call must not make its messages come back early.
  visibility_timeout_factor = 6

  rules = {
    data_events = {
      description = "New objects under ${var.incoming_prefix} of the raw bucket"
      lambda      = "data_trigger"
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
      lambda      = "monitoring"
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
  visibility_timeout_seconds = local.visibility_timeout_factor * var.lambdas[local.rules[each.key].lambda].timeout_seconds
  sqs_managed_sse_enabled    = true
  policy                     = data.aws_iam_policy_document.queue[each.key].json

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter[each.key].arn
    maxReceiveCount     = var.lambdas[local.rules[each.key].lambda].max_receive_count
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
      values   = [aws_cloudwatch_event_rule.this[each.key].arn]
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
}

resource "aws_lambda_function" "this" {
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
    }, each.value.environment)
  }

  logging_config {
    log_format = "Text"
    log_group  = each.value.log_group_name
  }
}

resource "aws_lambda_event_source_mapping" "this" {
  for_each = local.rules

  event_source_arn                   = aws_sqs_queue.this[each.key].arn
  function_name                      = aws_lambda_function.this[each.value.lambda].arn
  batch_size                         = var.lambdas[each.value.lambda].batch_size
  maximum_batching_window_in_seconds = var.lambdas[each.value.lambda].batching_window_seconds
  function_response_types            = ["ReportBatchItemFailures"]
}

resource "aws_sns_topic" "this" {
  for_each = var.topic_names

  name              = each.value
  kms_master_key_id = var.kms_key_arn
}

data "aws_iam_policy_document" "topic" {
  for_each = aws_sns_topic.this

  statement {
    sid       = "ServicesPublish"
    actions   = ["sns:Publish"]
    resources = [each.value.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }

  statement {
    sid       = "DenyPlainHttp"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [each.value.arn]

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

resource "aws_sns_topic_policy" "this" {
  for_each = aws_sns_topic.this

  arn    = each.value.arn
  policy = data.aws_iam_policy_document.topic[each.key].json
}

resource "aws_sns_topic_subscription" "email" {
  for_each = { for pair in setproduct(keys(var.topic_names), var.alert_emails) : join(" ", pair) => { topic = pair[0], address = pair[1] } }

  topic_arn = aws_sns_topic.this[each.value.topic].arn
  protocol  = "email"
  endpoint  = each.value.address
}
