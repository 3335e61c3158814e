# Connectors: EventBridge -> SQS -> Lambda for REST APIs, and a Glue Python-shell job with a trigger each for databases. The
# Lambda is reached through a queue only, as those of modules/events.
locals {
  connectors = { for name, text in var.connectors : name => jsondecode(text) }
  apis       = { for name, connector in local.connectors : name => connector if can(connector.rest) }
  databases  = { for name, connector in local.connectors : name => connector if can(connector.database) }

  schedules = { for name, connector in local.connectors : name => connector.schedule if can(connector.schedule) }

  # One of each kind, where there is anything to do.
  api_loader      = length(local.apis) > 0 ? toset(["this"]) : toset([])
  database_loader = length(local.databases) > 0 ? toset(["this"]) : toset([])

  scripts_uri     = "s3://${var.scripts_bucket_name}"
  connectors_path = "config/connectors/"

  # AWS's advice for queues that feed Lambdas: a throttled call must not make its messages come back early.
  visibility_timeout_factor = 6
}

resource "aws_s3_object" "connector" {
  for_each = var.connectors

  bucket       = var.scripts_bucket_name
  key          = "${local.connectors_path}${each.key}.json"
  content      = each.value
  content_type = "application/json"
  source_hash  = md5(each.value)
}

# SQS encrypts with its own key here: messages hold only names of connectors, and with a KMS key EventBridge would need a
# grant on it.
resource "aws_sqs_queue" "dead_letter" {
  for_each = local.api_loader

  name                      = "${var.queue_name}-dlq"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  policy                    = data.aws_iam_policy_document.queue["dead_letter"].json
}

resource "aws_sqs_queue" "this" {
  for_each = local.api_loader

  name                       = var.queue_name
  message_retention_seconds  = 345600
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = local.visibility_timeout_factor * var.api_loader.timeout_seconds
  sqs_managed_sse_enabled    = true
  policy                     = data.aws_iam_policy_document.queue["this"].json

  # A load that failed is tried again by the next message anyway.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter[each.key].arn
    maxReceiveCount     = 3
  })
}

data "aws_iam_policy_document" "queue" {
  for_each = length(local.apis) > 0 ? { this = var.queue_arn, dead_letter = "${var.queue_arn}-dlq" } : {}

  statement {
    sid       = "RulesSend"
    actions   = ["sqs:SendMessage"]
    resources = [each.value]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["${replace(replace(var.queue_arn, ":sqs:", ":events:"), "/[^:]+$/", "")}rule/${var.name_prefix}-connector-*"]
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

resource "aws_cloudwatch_event_rule" "this" {
  for_each = { for name, expression in local.schedules : name => expression if contains(keys(local.apis), name) }

  name                = "${var.name_prefix}-connector-${replace(each.key, "_", "-")}"
  description         = "Loads ${each.key} into raw"
  schedule_expression = each.value
  state               = "ENABLED"
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = aws_cloudwatch_event_rule.this

  rule      = each.value.name
  target_id = "queue"
  arn       = aws_sqs_queue.this["this"].arn
  input     = jsonencode({ connector = each.key })

  dead_letter_config {
    arn = aws_sqs_queue.dead_letter["this"].arn
  }
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_115:Reserved concurrency is taken from all other Lambdas of the account, and new accounts have none to give; the queue's scaling_config limits the calls.
  #checkov:skip=CKV_AWS_116:Only a queue calls it, and what it can't handle goes to that queue's dead-letter queue; a dead-letter queue of the Lambda is for asynchronous calls.
  #checkov:skip=CKV_AWS_117:It speaks to APIs of the internet, which a VPC without NAT does not lead to.
  #checkov:skip=CKV_AWS_272:The zip is made and uploaded by the very deployment that would sign it, so a signature would prove nothing more than the code hash does.
  for_each = local.api_loader

  function_name    = var.api_loader.name
  description      = "Loads REST APIs into raw"
  role             = var.api_loader.role_arn
  runtime          = "python3.12"
  architectures    = ["arm64"]
  handler          = "handler.handler"
  filename         = var.api_loader.zip
  source_code_hash = filebase64sha256(var.api_loader.zip)
  memory_size      = var.api_loader.memory_mb
  timeout          = var.api_loader.timeout_seconds
  kms_key_arn      = var.telemetry_key_arn

  environment {
    variables = {
      LOG_LEVEL               = var.log_level
      POWERTOOLS_SERVICE_NAME = var.api_loader.name
      RAW_BUCKET              = var.raw_bucket_name
      STATE_TABLE             = var.state_table_name
      SCRIPTS_BUCKET          = var.scripts_bucket_name
      SECRET_PREFIX           = var.secret_prefix
      METRICS_NAMESPACE       = var.metrics_namespace
      # Where dlt may write, and that it tells nobody of its use.
      DLT_DATA_DIR              = "/tmp/dlt"
      RUNTIME__DLTHUB_TELEMETRY = "false"
    }
  }

  logging_config {
    log_format = "Text"
    log_group  = var.api_loader.log_group_name
  }

  tracing_config {
    mode = var.lambda_tracing
  }
}

resource "aws_lambda_event_source_mapping" "this" {
  for_each = local.api_loader

  event_source_arn        = aws_sqs_queue.this[each.key].arn
  function_name           = aws_lambda_function.this[each.key].arn
  batch_size              = 1
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.api_loader.maximum_concurrency
  }
}

resource "aws_s3_object" "script" {
  for_each = local.database_loader

  bucket      = var.scripts_bucket_name
  key         = "jobs/${basename(var.database_loader.script)}"
  source      = var.database_loader.script
  source_hash = filemd5(var.database_loader.script)
}

resource "aws_s3_object" "wheel" {
  for_each = local.database_loader

  bucket      = var.scripts_bucket_name
  key         = "lib/${basename(var.database_loader.wheel)}"
  source      = var.database_loader.wheel
  source_hash = filemd5(var.database_loader.wheel)
}

# Glue's Python shell: a sixteenth of a DPU waits for a database as well as a Spark cluster does. "analytics" brings
# SQLAlchemy and the drivers of PostgreSQL and MySQL, without a way to PyPI.
resource "aws_glue_job" "this" {
  for_each = local.database_loader

  name                   = var.database_loader.name
  description            = "Loads tables of databases into raw"
  role_arn               = var.database_loader.role_arn
  max_capacity           = var.database_loader.max_capacity
  timeout                = var.database_loader.timeout_minutes
  max_retries            = var.database_loader.max_retries
  security_configuration = var.security_configuration
  connections            = var.connections

  default_arguments = merge(
    {
      "--library-set"     = "analytics"
      "--extra-py-files"  = "${local.scripts_uri}/${aws_s3_object.wheel[each.key].key}"
      "--TempDir"         = "${local.scripts_uri}/tmp/"
      "--connectors_path" = "${local.scripts_uri}/${local.connectors_path}"
      "--raw_bucket"      = var.raw_bucket_name
      "--state_table"     = var.state_table_name
      "--secret_prefix"   = var.secret_prefix
    },
    length(var.database_loader.drivers) == 0 ? {} : { "--additional-python-modules" = join(",", var.database_loader.drivers) },
  )

  command {
    name            = "pythonshell"
    python_version  = "3.9"
    script_location = "${local.scripts_uri}/${aws_s3_object.script[each.key].key}"
  }

  # One run each: two of the same connector would wait for nobody, and the second one does nothing.
  execution_property {
    max_concurrent_runs = max(length(local.databases), 1)
  }
}

resource "aws_glue_trigger" "this" {
  for_each = { for name, expression in local.schedules : name => expression if contains(keys(local.databases), name) }

  name        = "${var.name_prefix}-connector-${replace(each.key, "_", "-")}"
  description = "Loads ${each.key} into raw"
  type        = "SCHEDULED"
  schedule    = each.value
  enabled     = true

  actions {
    job_name  = aws_glue_job.this["this"].name
    arguments = { "--connector" = each.key }
  }

  # As with the triggers of the workflow: the local cloud's emulator reports an empty one.
  lifecycle {
    ignore_changes = [predicate]
  }
}
