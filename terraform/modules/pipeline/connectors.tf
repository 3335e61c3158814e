# Connectors: YAML files in connectors_dir become a Lambda for REST APIs and a Glue job for databases, as far as there are any.
locals {
  connectors_dir = coalesce(var.connectors_dir, "${local.source_dir}/config/connectors")

  connectors = {
    for file in fileset(local.connectors_dir, "*.yml") : trimsuffix(file, ".yml") => yamldecode(file("${local.connectors_dir}/${file}"))
  }

  has_api_connectors      = anytrue([for connector in local.connectors : can(connector.rest)])
  has_database_connectors = anytrue([for connector in local.connectors : can(connector.database)])

  connector_roles = {
    api = local.has_api_connectors ? {
      queue_arn      = local.queue_arns["connectors"]
      log_group_name = local.log_group_names["api_connector"]
    } : null
    database = local.has_database_connectors
  }

  connector_job_dpus = { for key in ["database_ingestion"] : key => var.connector_loading.database_capacity if local.has_database_connectors }
}

module "connectors" {
  source = "../connectors"
  count  = length(local.connectors) > 0 ? 1 : 0

  name_prefix            = local.prefix
  connectors             = { for name, connector in local.connectors : name => jsonencode(connector) }
  queue_name             = "${local.prefix}-connectors"
  queue_arn              = "arn:${local.partition}:sqs:${local.owned_by}:${local.prefix}-connectors"
  raw_bucket_name        = module.storage.bucket_names["raw"]
  scripts_bucket_name    = module.storage.bucket_names["scripts"]
  state_table_name       = module.storage.table_names.job_state
  secret_prefix          = "${local.prefix}-connector-"
  telemetry_key_arn      = module.security.kms_key_arns["telemetry"]
  security_configuration = module.security.security_configuration_name
  connections            = flatten(module.networking[*].glue_connection_names)
  metrics_namespace      = local.metrics_namespace
  lambda_tracing         = var.enable_lambda_tracing ? "Active" : "PassThrough"
  log_level              = var.log_level

  api_loader = {
    name                = "${local.prefix}-api-connector"
    zip                 = "${local.build_dir}/lambda/api_connector.zip"
    role_arn            = lookup(module.security.role_arns, "api_connector", null)
    log_group_name      = lookup(module.monitoring.log_group_names, "api_connector", null)
    memory_mb           = var.connector_loading.api_memory_mb
    timeout_seconds     = var.connector_loading.api_timeout_seconds
    maximum_concurrency = var.connector_loading.apis_at_a_time
  }

  database_loader = {
    name            = "${local.prefix}-database-ingestion"
    script          = "${local.source_dir}/jobs/database_ingestion.py"
    wheel           = "${local.build_dir}/glue_etl_connectors-1-py3-none-any.whl"
    role_arn        = lookup(module.security.role_arns, "database_ingestion", null)
    max_capacity    = var.connector_loading.database_capacity
    timeout_minutes = var.connector_loading.database_timeout_minutes
    drivers         = var.connector_loading.database_drivers
  }
}
