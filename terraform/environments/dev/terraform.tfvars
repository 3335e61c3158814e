# Small and cheap, and free to be thrown away.
environment = "dev"

# The one account that this may be deployed to, and something of your own: bucket names are global.
# allowed_account_ids = ["123456789012"]
# bucket_suffix       = "acme"

glue_version      = "5.1"
worker_type       = "G.1X"
number_of_workers = 2

spark_ui = true

enable_vpc = false

monthly_budget_usd          = 50
force_destroy               = true
deletion_protection         = false
point_in_time_recovery      = false
log_retention_days          = 14
enable_access_logs          = false
kms_deletion_window_days    = 7
secret_recovery_window_days = 0
