# The local cloud: nothing to protect, nothing to pay, and only what the emulator knows.
environment         = "local"
allowed_account_ids = ["000000000000"]

glue_version      = "5.1"
worker_type       = "G.1X"
number_of_workers = 2

# The emulator has no Glue Data Quality.
enable_data_quality_rulesets = false

# Nor does it keep queries over logs, or traces.
enable_saved_queries  = false
enable_lambda_tracing = false

# Jobs run as processes of this machine, so a VPC would change nothing for them.
enable_vpc = false

force_destroy               = true
deletion_protection         = false
point_in_time_recovery      = false
log_retention_days          = 7
kms_deletion_window_days    = 7
secret_recovery_window_days = 0

# A laptop is off on Sunday nights. By hand:
# aws glue start-job-run --job-name glue-etl-pipeline-local-data-processing --arguments '{"--maintain":"true"}'
maintenance_schedule = null
