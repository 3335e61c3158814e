# Written by terraform/scripts/environment_files.py from modules/pipeline; what is changed here gets lost.

# Made by Secrets Manager in every run, kept nowhere, and used only where the secret has no value yet, or is to get a
# new one (pii_secret_version). pii_secret_value takes its place, to go on with a value that tables were written with.
ephemeral "aws_secretsmanager_random_password" "pii" {
  password_length     = 64
  exclude_punctuation = true
}

module "pipeline" {
  source = "../../modules/pipeline"

  environment                  = var.environment
  project_name                 = var.project_name
  bucket_suffix                = var.bucket_suffix
  glue_version                 = var.glue_version
  python_version               = var.python_version
  worker_type                  = var.worker_type
  number_of_workers            = var.number_of_workers
  job_timeout_minutes          = var.job_timeout_minutes
  job_max_retries              = var.job_max_retries
  job_queuing                  = var.job_queuing
  execution_class              = var.execution_class
  auto_scaling                 = var.auto_scaling
  spark_ui                     = var.spark_ui
  job_overrides                = var.job_overrides
  schedule                     = var.schedule
  maintenance_schedule         = var.maintenance_schedule
  performance                  = var.performance
  enable_data_quality_rulesets = var.enable_data_quality_rulesets
  enable_schema_registry       = var.enable_schema_registry
  schema_compatibility         = var.schema_compatibility
  crawlers                     = var.crawlers
  table_optimizers             = var.table_optimizers
  streaming                    = var.streaming
  enable_vpc                   = var.enable_vpc
  existing_vpc                 = var.existing_vpc
  interface_endpoints          = var.interface_endpoints
  enable_nat_gateway           = var.enable_nat_gateway
  internet_ports               = var.internet_ports
  vpc_cidr                     = var.vpc_cidr
  permissions_boundary_arn     = var.permissions_boundary_arn
  connector_secrets            = var.connector_secrets
  kms_rotation_days            = var.kms_rotation_days
  enable_access_logs           = var.enable_access_logs
  alert_emails                 = var.alert_emails
  subscriptions                = var.subscriptions
  quality_threshold            = var.quality_threshold
  no_data_hours                = var.no_data_hours
  dataset_no_data_hours        = var.dataset_no_data_hours
  allowed_extensions           = var.allowed_extensions
  max_object_size_gb           = var.max_object_size_gb
  incoming_scan                = var.incoming_scan
  incoming_scan_mb             = var.incoming_scan_mb
  sweep_schedule               = var.sweep_schedule
  health_summary_schedule      = var.health_summary_schedule
  duration_band_width          = var.duration_band_width
  dashboards                   = var.dashboards
  enable_saved_queries         = var.enable_saved_queries
  enable_lambda_tracing        = var.enable_lambda_tracing
  athena_scan_limit_gb         = var.athena_scan_limit_gb
  dpu_hour_price_usd           = var.dpu_hour_price_usd
  monthly_budget_usd           = var.monthly_budget_usd
  budget_alerts                = var.budget_alerts
  cost_anomaly_usd             = var.cost_anomaly_usd
  log_retention_days           = var.log_retention_days
  log_level                    = var.log_level
  enable_transfer_acceleration = var.enable_transfer_acceleration
  force_destroy                = var.force_destroy
  deletion_protection          = var.deletion_protection
  point_in_time_recovery       = var.point_in_time_recovery
  retention_days               = var.retention_days
  maintenance_retention_days   = var.maintenance_retention_days
  kms_deletion_window_days     = var.kms_deletion_window_days
  pii_secret_value             = coalesce(var.pii_secret_value, ephemeral.aws_secretsmanager_random_password.pii.random_password)
  pii_secret_version           = var.pii_secret_version
  secret_recovery_window_days  = var.secret_recovery_window_days
  source_dir                   = var.source_dir
  build_dir                    = var.build_dir
  connectors_dir               = var.connectors_dir
  connector_loading            = var.connector_loading
  contracts_dir                = var.contracts_dir
  reference_dir                = var.reference_dir
}
