# Streams: the pipeline's own, with Firehose to the raw bucket, and the job that reads a stream without that way round.
locals {
  streaming_job = try(var.streaming.job, null)
  job_source    = try(local.streaming_job.source, "")

  # The job reads the pipeline's own stream, unless it is given another.
  reads_own_stream = local.job_source == "kinesis" && try(local.streaming_job.stream_arn, null) == null
  has_stream       = local.service_roles.streaming || local.reads_own_stream
  job_stream_arn   = local.job_source != "kinesis" ? null : local.reads_own_stream ? local.stream_arn : local.streaming_job.stream_arn

  # The age of its oldest unread record, whoever is to read it.
  watched_streams = merge(
    { for name in [local.stream_name] : "records" => name if local.has_stream },
    { for arn in compact([local.job_stream_arn]) : "job" => split("/", arn)[1] if !local.reads_own_stream },
  )

  streaming_grants = local.streaming_job == null ? null : {
    stream_arn     = local.job_stream_arn
    stream_key_arn = local.streaming_job.stream_key_arn
    cluster_arn    = local.streaming_job.cluster_arn
    topics         = local.streaming_job.topics
  }

  streaming_glue_jobs = { for job in local.streaming_job[*] : "streaming_ingestion" => {
    name              = "${local.prefix}-streaming-ingestion"
    description       = "Brings the records of a stream into batches of Parquet, until it is stopped"
    script            = "streaming_ingestion.py"
    type              = "streaming"
    after             = null
    role_arn          = module.security.role_arns["streaming_ingestion"]
    worker_type       = job.worker_type
    number_of_workers = job.number_of_workers
    auto_scaling      = false
    execution_class   = "STANDARD"
    timeout_minutes   = var.job_timeout_minutes
    max_retries       = job.max_retries
    queuing           = false
    spark_ui          = false
    arguments = { for name, value in {
      "--dataset"                = job.dataset
      "--stream_source"          = job.source
      "--stream"                 = job.source == "kinesis" ? local.job_stream_arn : join(",", job.topics)
      "--stream_brokers"         = job.brokers
      "--stream_auth"            = job.source == "kafka" ? job.auth : null
      "--stream_start"           = job.start
      "--stream_trigger_seconds" = tostring(job.trigger_seconds)
      "--stream_most_per_epoch"  = job.most_per_epoch == null ? null : tostring(job.most_per_epoch)
    } : name => value if value != null }
  } }
}

module "streaming" {
  source = "../streaming"
  count  = local.has_stream ? 1 : 0

  stream_name          = local.stream_name
  enable_delivery      = local.service_roles.streaming
  delivery_stream_name = local.delivery_stream_name
  role_arn             = lookup(module.security.service_role_arns, "streaming", null)
  raw_bucket_arn       = module.storage.bucket_arns["raw"]
  kms_key_arn          = module.security.kms_key_arns["data"]
  log_group_name       = lookup(module.monitoring.log_group_names, "delivery", null)
  incoming_prefix      = local.incoming_prefix
  dataset_query        = var.streaming.dataset_query
  shard_count          = var.streaming.shard_count
  retention_hours      = var.streaming.retention_hours
  buffering_seconds    = var.streaming.buffering_seconds
}
