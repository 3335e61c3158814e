# Every name and every ARN of the pipeline, in one place. ARNs are put together from names, so that
# roles and queues need not wait for what they refer to.
data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  prefix = "${var.project_name}-${var.environment}"

  # The longest bucket name has to stay within 63 characters: 30 + 8 + 10 + 15.
  bucket_names = {
    for layer in ["raw", "processed", "curated", "quality", "scripts"] :
    layer => join("-", compact([local.prefix, layer, var.bucket_suffix]))
  }

  access_log_bucket_name = join("-", compact([local.prefix, "logs", var.bucket_suffix]))

  table_names = {
    job_bookmarks = "${local.prefix}-job-bookmarks"
    job_state     = "${local.prefix}-job-state"
  }

  topic_names = {
    alerts        = "${local.prefix}-alerts"
    notifications = "${local.prefix}-notifications"
    performance   = "${local.prefix}-performance"
    system_health = "${local.prefix}-system-health"
  }

  queue_names = { for key, name in {
    data_events = "${local.prefix}-data-events"
    job_events  = "${local.prefix}-job-events"
    connectors  = "${local.prefix}-connectors"
  } : key => name if key != "connectors" || local.has_api_connectors }

  job_names = {
    for key, name in {
      data_ingestion      = "${local.prefix}-data-ingestion"
      data_processing     = "${local.prefix}-data-processing"
      data_quality        = "${local.prefix}-data-quality"
      streaming_ingestion = "${local.prefix}-streaming-ingestion"
      database_ingestion  = "${local.prefix}-database-ingestion"
    } : key => name if lookup(local.optional_jobs, key, true)
  }

  optional_jobs = {
    streaming_ingestion = local.streaming_job != null
    database_ingestion  = local.has_database_connectors
  }

  lambda_names = { for key, name in {
    data_trigger  = "${local.prefix}-data-trigger"
    monitoring    = "${local.prefix}-monitoring"
    api_connector = "${local.prefix}-api-connector"
  } : key => name if key != "api_connector" || local.has_api_connectors }

  log_group_names = merge(
    { for key, name in local.lambda_names : key => "/aws/lambda/${name}" },
    { for key, name in { vpc = "/aws/vpc/${local.prefix}" } : key => name if local.own_vpc },
  )

  workflow_name     = "${local.prefix}-etl-workflow"
  database_name     = replace(local.prefix, "-", "_")
  incoming_prefix   = "data/incoming/"
  metrics_namespace = "GlueEtlPipeline"

  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name
  account   = data.aws_caller_identity.current.account_id
  owned_by  = "${local.region}:${local.account}"

  bucket_arns  = { for key, name in local.bucket_names : key => "arn:${local.partition}:s3:::${name}" }
  table_arns   = { for key, name in local.table_names : key => "arn:${local.partition}:dynamodb:${local.owned_by}:table/${name}" }
  topic_arns   = { for key, name in local.topic_names : key => "arn:${local.partition}:sns:${local.owned_by}:${name}" }
  queue_arns   = { for key, name in local.queue_names : key => "arn:${local.partition}:sqs:${local.owned_by}:${name}" }
  job_arns     = { for key, name in local.job_names : key => "arn:${local.partition}:glue:${local.owned_by}:job/${name}" }
  stream_arn   = "arn:${local.partition}:kinesis:${local.owned_by}:stream/${local.stream_name}"
  workflow_arn = "arn:${local.partition}:glue:${local.owned_by}:workflow/${local.workflow_name}"
}
