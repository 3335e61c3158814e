# Health checks by Lambdas: the work bucket, the table of what is done once, the Lambdas, and what feeds them.
data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name
  layer_zip = "${var.build_dir}/layer-${var.architecture}.zip"

  bucket_arn = "arn:${local.partition}:s3:::${var.work_bucket_name}"

  # memory_mb, timeout_seconds, disk_mb: of one call. The monitor copies outputs of up to 1 GiB to its disk.
  lambdas = {
    trigger = { description = "Starts health checks", memory_mb = 1024, timeout_seconds = 600, disk_mb = 2048, layer = true }
    monitor = { description = "Follows health checks to their reports", memory_mb = 2048, timeout_seconds = 600, disk_mb = 3072, layer = true }
    cleanup = { description = "Removes health checks", memory_mb = 512, timeout_seconds = 900, disk_mb = 512, layer = true }
    webhook = { description = "Takes GitHub's webhook", memory_mb = 256, timeout_seconds = 10, disk_mb = 512, layer = false }
  }
  enabled = { for name, lambda in local.lambdas : name => lambda if name != "webhook" || var.webhook.enabled }

  environment = {
    trigger = {}
    monitor = {}
    cleanup = { SWEEP_MINUTES = tostring(var.sweep_minutes) }
    webhook = !var.webhook.enabled ? {} : {
      DELIVERY_MINUTES = tostring(var.webhook.delivery_minutes)
      QUEUE_URL        = aws_sqs_queue.this["requests"].url
      REPOSITORIES     = jsonencode(var.webhook.repositories)
      WEBHOOK_SECRET   = var.webhook.secret_arn
    }
  }
}

# What is done once only: Powertools' records of idempotency, gone when they are over.
resource "aws_dynamodb_table" "records" {
  #checkov:skip=CKV_AWS_28:Records of what was done in the last days; a restored one would only keep a check from being started again.
  #checkov:skip=CKV_AWS_119:kms_key_arn encrypts it with a key of the customer where one is wanted.
  name         = "${var.name_prefix}-records"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  ttl {
    attribute_name = "expiration"
    enabled        = true
  }

  server_side_encryption {
    enabled     = var.kms_key_arn != null
    kms_key_arn = var.kms_key_arn
  }
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:kms_key_arn encrypts it with a key of the customer where one is wanted.
  #checkov:skip=CKV_AWS_338:log_retention_days is a year by default; whoever sets less wants less.
  for_each = local.enabled

  name              = "/aws/lambda/${var.name_prefix}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

# By way of the bucket: it is larger than what Lambda takes by itself.
resource "aws_s3_object" "layer" {
  #checkov:skip=CKV_AWS_186:The bucket's own encryption holds: kms_key_arn's where one is wanted.
  count = var.enable_layer ? 1 : 0

  bucket      = local.work_bucket
  key         = "lambda/layer-${var.architecture}.zip"
  source      = local.layer_zip
  source_hash = filemd5(local.layer_zip)
}

resource "aws_lambda_layer_version" "this" {
  count = var.enable_layer ? 1 : 0

  layer_name               = "${var.name_prefix}-compiled"
  description              = "duckdb, pyarrow, fastavro and what else is compiled"
  s3_bucket                = aws_s3_object.layer[0].bucket
  s3_key                   = aws_s3_object.layer[0].key
  source_code_hash         = filebase64sha256(local.layer_zip)
  compatible_architectures = [var.architecture]
  compatible_runtimes      = [var.lambda_runtime]
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:enable_tracing turns X-Ray on where it is wanted.
  #checkov:skip=CKV_AWS_115:Reserved concurrency is taken from all other Lambdas of the account; the queues limit what events may cause, and webhook.concurrency what the world may.
  #checkov:skip=CKV_AWS_116:Queues have dead-letter queues of their own; only the clock calls asynchronously, and has one below.
  #checkov:skip=CKV_AWS_117:It speaks to AWS's APIs and GitHub only, and would need a NAT gateway for that.
  #checkov:skip=CKV_AWS_173:kms_key_arn encrypts the variables with a key of the customer where one is wanted; none of them is a secret.
  #checkov:skip=CKV_AWS_272:The zip is made and uploaded by the very deployment that would sign it, so a signature would prove nothing more than the code hash does.
  for_each = local.enabled

  function_name                  = "${var.name_prefix}-${each.key}"
  description                    = each.value.description
  role                           = aws_iam_role.lambda[each.key].arn
  runtime                        = var.lambda_runtime
  architectures                  = [var.architecture]
  handler                        = "glue_health_check.lambdas.${each.key}.handler"
  filename                       = "${var.build_dir}/function.zip"
  source_code_hash               = filebase64sha256("${var.build_dir}/function.zip")
  layers                         = each.value.layer && var.enable_layer ? [aws_lambda_layer_version.this[0].arn] : []
  memory_size                    = each.value.memory_mb
  timeout                        = each.value.timeout_seconds
  kms_key_arn                    = var.kms_key_arn
  reserved_concurrent_executions = each.key == "webhook" ? var.webhook.concurrency : null

  ephemeral_storage {
    size = each.value.disk_mb
  }

  environment {
    variables = merge({
      GITHUB_API_URL            = var.github_api_url
      GITHUB_TOKEN_SECRET       = each.key == "webhook" || var.github_token_secret_arn == null ? "" : var.github_token_secret_arn
      LOG_LEVEL                 = var.log_level
      METRICS_NAMESPACE         = local.metrics_namespace
      POWERTOOLS_SERVICE_NAME   = "${var.name_prefix}-${each.key}"
      POWERTOOLS_TRACE_DISABLED = tostring(!var.enable_tracing)
      RECORDS_TABLE             = aws_dynamodb_table.records.name
      WORK_BUCKET               = local.work_bucket
    }, local.environment[each.key])
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.this[each.key].name
  }

  tracing_config {
    mode = var.enable_tracing ? "Active" : "PassThrough"
  }

  depends_on = [aws_iam_role_policy.lambda]
}
