# Small and cheap, and free to be thrown away.
environment = "dev"

glue_version      = "5.1"
worker_type       = "G.1X"
number_of_workers = 2

enable_vpc = false

monthly_budget_usd          = 50
force_destroy               = true
deletion_protection         = false
point_in_time_recovery      = false
log_retention_days          = 14
kms_deletion_window_days    = 7
secret_recovery_window_days = 0
