# The whole pipeline: what each module gets from the others. Names come from names.tf.
locals {
  source_dir    = coalesce(var.source_dir, "${path.module}/../../../src")
  build_dir     = coalesce(var.build_dir, "${path.module}/../../../build")
  contracts_dir = coalesce(var.contracts_dir, "${local.source_dir}/config/datasets")
  reference_dir = coalesce(var.reference_dir, "${local.source_dir}/config/reference")

  # What one job gets besides the common arguments.
  own_arguments = {
    data_processing = {
      "--pii_secret"               = module.security.pii_secret_arn
      "--snapshot_retention_days"  = tostring(var.maintenance_retention_days.snapshots)
      "--orphan_retention_days"    = tostring(var.maintenance_retention_days.orphans)
      "--processed_retention_days" = tostring(var.maintenance_retention_days.processed)
    }
  }

  own_vpc = var.enable_vpc && var.existing_vpc == null

  # Roles of what works beside the jobs, where it is switched on.
  service_roles = {
    crawler         = length(var.crawlers) > 0
    streaming       = try(var.streaming.firehose, false)
    table_optimizer = length(var.table_optimizers) > 0
    vpc_flow_logs   = local.own_vpc
  }

  # The Python that each Glue version brings.
  glue_python = { "4.0" = "3.10", "5.0" = "3.11", "5.1" = "3.11", "6.0" = "3.13" }
}

check "python_version" {
  assert {
    condition     = contains(["3", local.glue_python[var.glue_version]], var.python_version)
    error_message = "python_version is ${var.python_version}, but Glue ${var.glue_version} runs Python ${local.glue_python[var.glue_version]}. The jobs will run on that."
  }
}

module "security" {
  source = "../security"

  streaming_job = local.streaming_grants

  name_prefix                 = local.prefix
  bucket_arns                 = local.bucket_arns
  table_arns                  = local.table_arns
  topic_arns                  = local.topic_arns
  queue_arns                  = local.queue_arns
  workflow_arn                = local.workflow_arn
  job_arns                    = local.job_arns
  database_name               = local.database_name
  metrics_namespace           = local.metrics_namespace
  lambda_log_group_names      = { for key in keys(local.lambda_names) : key => local.log_group_names[key] }
  service_roles               = [for role, wanted in local.service_roles : role if wanted]
  enable_lambda_tracing       = var.enable_lambda_tracing
  incoming_scan               = var.incoming_scan
  enable_vpc                  = var.enable_vpc
  vpc_id                      = one(module.networking[*].vpc_id)
  subnet_ids                  = flatten([for network in module.networking : values(network.private_subnet_ids)])
  security_group_ids          = flatten(module.networking[*].security_group_ids)
  permissions_boundary_arn    = var.permissions_boundary_arn
  connector_secrets           = var.connector_secrets
  connectors                  = local.connector_roles
  kms_rotation_days           = var.kms_rotation_days
  kms_deletion_window_days    = var.kms_deletion_window_days
  pii_secret_value            = var.pii_secret_value
  pii_secret_version          = var.pii_secret_version
  secret_recovery_window_days = var.secret_recovery_window_days
}

module "storage" {
  source = "../storage"

  bucket_names                 = local.bucket_names
  access_log_bucket_name       = var.enable_access_logs ? local.access_log_bucket_name : null
  table_names                  = local.table_names
  kms_key_arn                  = module.security.kms_key_arns["data"]
  enable_transfer_acceleration = var.enable_transfer_acceleration
  force_destroy                = var.force_destroy
  deletion_protection          = var.deletion_protection
  point_in_time_recovery       = var.point_in_time_recovery
  retention_days               = { for key, days in var.retention_days : key => days if days != null }
}

data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:The first two by name are taken, and a zone that AWS adds comes last; naming zones here would tie the module to one region.
  count = local.own_vpc ? 1 : 0

  state = "available"

  # Zones of a kind that has to be asked for (Local Zones, Wavelength) have no Glue.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

module "networking" {
  source = "../networking"
  count  = var.enable_vpc ? 1 : 0

  name_prefix         = local.prefix
  existing_vpc        = var.existing_vpc
  vpc_cidr            = var.vpc_cidr
  availability_zones  = local.own_vpc ? slice(data.aws_availability_zones.available[0].names, 0, 2) : []
  interface_endpoints = local.job_source == "kinesis" ? setunion(var.interface_endpoints, ["kinesis-streams"]) : var.interface_endpoints
  enable_nat_gateway  = var.enable_nat_gateway
  internet_ports      = var.internet_ports

  flow_logs = local.own_vpc ? {
    log_group_arn = module.monitoring.log_group_arns["vpc"]
    role_arn      = module.security.service_role_arns["vpc_flow_logs"]
  } : null
}

module "glue" {
  source = "../glue"

  name_prefix                  = local.prefix
  workflow_name                = local.workflow_name
  database_name                = local.database_name
  glue_version                 = var.glue_version
  worker_type                  = var.worker_type
  number_of_workers            = var.number_of_workers
  schedule                     = var.schedule
  security_configuration       = module.security.security_configuration_name
  connections                  = flatten(module.networking[*].glue_connection_names)
  bucket_names                 = module.storage.bucket_names
  source_dir                   = local.source_dir
  library_zip                  = "${local.build_dir}/glue_etl_library.zip"
  contracts_dir                = local.contracts_dir
  reference_dir                = local.reference_dir
  maintenance_schedule         = var.maintenance_schedule
  performance                  = var.performance
  enable_data_quality_rulesets = var.enable_data_quality_rulesets
  enable_schema_registry       = var.enable_schema_registry
  schema_compatibility         = var.schema_compatibility
  crawlers                     = var.crawlers
  crawler_role_arn             = lookup(module.security.service_role_arns, "crawler", null)
  table_optimizers             = var.table_optimizers
  table_optimizer_role_arn     = lookup(module.security.service_role_arns, "table_optimizer", null)

  jobs = merge({ for key, job in {
    data_ingestion  = { description = "Standardises new raw files into batches of Parquet", after = null }
    data_processing = { description = "Merges ingested batches into the curated tables", after = "data_ingestion" }
    data_quality    = { description = "Checks curated data, scores and reports it", after = "data_processing" }
    } : key => {
    name              = local.job_names[key]
    description       = job.description
    script            = "${key}.py"
    after             = job.after
    role_arn          = module.security.role_arns[key]
    worker_type       = try(var.job_overrides[key].worker_type, null)
    number_of_workers = try(var.job_overrides[key].number_of_workers, null)
    auto_scaling      = try(coalesce(var.job_overrides[key].auto_scaling), var.auto_scaling)
    execution_class   = try(coalesce(var.job_overrides[key].execution_class), var.execution_class)
    timeout_minutes   = try(coalesce(var.job_overrides[key].timeout_minutes), var.job_timeout_minutes)
    max_retries       = try(coalesce(var.job_overrides[key].max_retries), var.job_max_retries)
    queuing           = try(coalesce(var.job_overrides[key].queuing), var.job_queuing)
    spark_ui          = try(coalesce(var.job_overrides[key].spark_ui), var.spark_ui)
    arguments         = lookup(local.own_arguments, key, {})
  } }, local.streaming_glue_jobs)

  common_arguments = merge(
    { for layer in ["raw", "processed", "curated", "quality"] : "--${layer}_bucket" => module.storage.bucket_names[layer] },
    {
      "--environment"      = var.environment
      "--bookmarks_table"  = module.storage.table_names.job_bookmarks
      "--state_table"      = module.storage.table_names.job_state
      "--alerts_topic_arn" = module.events.topic_arns["alerts"]
    },
  )
}

module "events" {
  source = "../events"

  queue_names     = local.queue_names
  queue_arns      = local.queue_arns
  topics          = local.topics
  kms_key_arn     = module.security.kms_key_arns["telemetry"]
  raw_bucket_name = local.bucket_names["raw"]
  incoming_prefix = local.incoming_prefix
  job_names       = values(local.job_names)
  alert_emails    = var.alert_emails
  subscriptions   = var.subscriptions
  schedules       = local.schedules
  lambda_tracing  = var.enable_lambda_tracing ? "Active" : "PassThrough"
  log_level       = var.log_level

  lambdas = {
    data_trigger = {
      name           = local.lambda_names["data_trigger"]
      description    = "Starts the workflow when files have arrived"
      zip            = "${local.build_dir}/lambda/data_trigger.zip"
      role_arn       = module.security.role_arns["data_trigger"]
      log_group_name = module.monitoring.log_group_names["data_trigger"]

      # While the workflow runs, messages come back every two minutes, for ten hours if need be: longer
      # than three jobs may take. A call that scans files takes longer, so it says itself when they come back.
      timeout_seconds   = var.incoming_scan == "off" ? 20 : 120
      memory_mb         = var.incoming_scan == "off" ? 256 : 1024
      max_receive_count = 300

      environment = {
        ENVIRONMENT        = var.environment
        WORKFLOW_NAME      = local.workflow_name
        BOOKMARKS_TABLE    = local.table_names["job_bookmarks"]
        STATE_TABLE        = local.table_names["job_state"]
        RAW_BUCKET         = local.bucket_names["raw"]
        QUALITY_BUCKET     = local.bucket_names["quality"]
        INCOMING_PREFIX    = local.incoming_prefix
        ALLOWED_EXTENSIONS = join(",", var.allowed_extensions)
        MAX_OBJECT_BYTES   = tostring(floor(var.max_object_size_gb * 1073741824))
        INCOMING_SCAN      = var.incoming_scan
        SCAN_BYTES         = tostring(var.incoming_scan_mb * 1048576)
        CONTRACTS_URI      = "s3://${local.bucket_names["scripts"]}/config/datasets/"
        ALERTS_TOPIC_ARN   = local.topic_arns["alerts"]
        TOLD_EVERY_SECONDS = var.sweep_schedule == null ? "0" : "900"
        RETRY_SECONDS      = var.incoming_scan == "off" ? "0" : "120"
        METRICS_NAMESPACE  = local.metrics_namespace
      }
    }
    monitoring = {
      name           = local.lambda_names["monitoring"]
      description    = "Records the runs of the Glue jobs and tells about them"
      zip            = "${local.build_dir}/lambda/monitoring.zip"
      role_arn       = module.security.role_arns["monitoring"]
      log_group_name = module.monitoring.log_group_names["monitoring"]
      environment = {
        STATE_TABLE             = local.table_names["job_state"]
        ALERTS_TOPIC_ARN        = local.topic_arns["alerts"]
        NOTIFICATIONS_TOPIC_ARN = local.topic_arns["notifications"]
        PERFORMANCE_TOPIC_ARN   = local.topic_arns["performance"]
        SYSTEM_HEALTH_TOPIC_ARN = local.topic_arns["system_health"]
        METRICS_NAMESPACE       = local.metrics_namespace
        PIPELINE_PREFIX         = local.prefix
        WORKFLOW_NAME           = local.workflow_name
        JOB_NAMES               = jsonencode(values(local.job_names))
        QUEUE_NAMES             = jsonencode(values(local.queue_names))
        JOB_LOG_GROUP           = local.job_log_group_name
        REPORTS_URI             = "s3://${local.bucket_names["quality"]}/reports/index.html"
        DPU_HOUR_PRICE_USD      = tostring(var.dpu_hour_price_usd)
      }
    }
  }
}

module "monitoring" {
  source = "../monitoring"

  name_prefix        = local.prefix
  environment        = var.environment
  metrics_namespace  = local.metrics_namespace
  kms_key_arn        = module.security.kms_key_arns["telemetry"]
  topic_arns         = { for key in keys(local.topic_names) : key => module.events.topic_arns[key] }
  log_group_names    = merge(local.log_group_names, local.job_log_group_names, local.delivery_log_group_names)
  log_retention_days = var.log_retention_days
  saved_queries      = var.enable_saved_queries ? local.saved_queries : {}
  jobs = { for key, name in local.job_names : key => {
    name = name, dpus = merge(module.glue.job_dpus, local.connector_job_dpus)[key], endless = key == "streaming_ingestion"
  } }
  workflow_name           = local.workflow_name
  lambda_names            = local.lambda_names
  rule_names              = { for key in ["data_events", "job_events"] : key => local.queue_names[key] } # rules have the names of their queues
  dead_letter_queue_names = { for key, name in local.queue_names : key => "${name}-dlq" }
  table_names             = local.table_names
  bucket_names            = local.bucket_names
  stream_names            = local.watched_streams
  delivery_stream_names   = local.service_roles.streaming ? { raw = local.delivery_stream_name } : {}
  quality_thresholds      = { for dataset, own in module.glue.quality_thresholds : dataset => coalesce(own, var.quality_threshold) }
  duration_band_width     = var.duration_band_width
  no_data_hours           = var.no_data_hours
  dataset_no_data_hours   = var.dataset_no_data_hours
  dashboards              = var.dashboards
  dpu_hour_price_usd      = var.dpu_hour_price_usd
  monthly_budget_usd      = var.monthly_budget_usd
  budget_alerts           = var.budget_alerts
  cost_anomaly_usd        = var.cost_anomaly_usd
  cost_tag                = { key = "Pipeline", value = local.prefix }
}

module "athena" {
  source = "../athena"

  name          = local.prefix
  database_name = module.glue.database_name
  results_uri   = "s3://${module.storage.bucket_names["scripts"]}/tmp/athena/" # expires with other temporary data
  kms_key_arn   = module.security.kms_key_arns["data"]
  scan_limit_gb = var.athena_scan_limit_gb
  force_destroy = var.force_destroy
  named_queries = local.named_queries
}
