# Retries, long retention, protection against deletion; a nightly run beside those that files start.
environment = "prod"

# The one account that this may be deployed to, and something of your own: bucket names are global.
# allowed_account_ids = ["123456789012"]
# bucket_suffix       = "acme"

glue_version      = "5.1"
worker_type       = "G.2X"
number_of_workers = 10
job_max_retries   = 2
auto_scaling      = true
spark_ui          = true
schedule          = "cron(0 2 * * ? *)"

enable_vpc = true
vpc_cidr   = "10.22.0.0/16"

quality_threshold           = 90
monthly_budget_usd          = 2000
cost_anomaly_usd            = 100
no_data_hours               = 26
athena_scan_limit_gb        = 1000
force_destroy               = false
deletion_protection         = true
point_in_time_recovery      = true
log_retention_days          = 365
kms_deletion_window_days    = 30
secret_recovery_window_days = 30

retention_days = {
  raw_infrequent = 60
  raw_archive    = 180
  reports        = 2555
  access_logs    = 730
  noncurrent     = 90
}
