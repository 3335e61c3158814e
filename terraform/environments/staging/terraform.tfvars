# Like production, but for its size and for how long it keeps things.
environment = "staging"

# The one account that this may be deployed to, and something of your own: bucket names are global.
# allowed_account_ids = ["123456789012"]
# bucket_suffix       = "acme"

glue_version      = "5.1"
worker_type       = "G.1X"
number_of_workers = 4
job_max_retries   = 1
auto_scaling      = true
spark_ui          = true

enable_vpc = true
vpc_cidr   = "10.21.0.0/16"

monthly_budget_usd          = 200
cost_anomaly_usd            = 20
force_destroy               = false
deletion_protection         = true
point_in_time_recovery      = true
log_retention_days          = 30
kms_deletion_window_days    = 7
secret_recovery_window_days = 7
