# Written by terraform/scripts/environment_files.py from modules/pipeline; what is changed here gets lost.

output "bucket_names" {
  description = "Bucket names by layer: raw, processed, curated, quality and scripts."
  value       = module.pipeline.bucket_names
}

output "table_names" {
  description = "DynamoDB table names: job_bookmarks and job_state."
  value       = module.pipeline.table_names
}

output "job_names" {
  description = "Names of the Glue jobs by key."
  value       = module.pipeline.job_names
}

output "workflow_name" {
  description = "Name of the Glue workflow."
  value       = module.pipeline.workflow_name
}

output "database_name" {
  description = "Name of the Glue database."
  value       = module.pipeline.database_name
}

output "topic_arns" {
  description = "ARNs of the SNS topics: alerts, notifications, performance and system_health."
  value       = module.pipeline.topic_arns
}

output "queue_urls" {
  description = "URLs of the queues that feed the Lambdas, and of their dead-letter queues."
  value       = module.pipeline.queue_urls
}

output "lambda_names" {
  description = "Names of the Lambdas by key."
  value       = module.pipeline.lambda_names
}

output "pii_secret_arn" {
  description = "ARN of the secret that keys hashes and tokens of personal data."
  value       = module.pipeline.pii_secret_arn
}

output "athena_workgroup" {
  description = "Name of the Athena workgroup to query the tables with."
  value       = module.pipeline.athena_workgroup
}

output "dashboard_names" {
  description = "Names of the CloudWatch dashboards."
  value       = module.pipeline.dashboard_names
}

output "health_alarm_name" {
  description = "Name of the alarm that says whether the pipeline as a whole is well."
  value       = module.pipeline.health_alarm_name
}

output "quality_results_table" {
  description = "Table of the results of all quality checks, for Athena."
  value       = module.pipeline.quality_results_table
}

output "stream_name" {
  description = "Name of the Kinesis stream; null without streaming."
  value       = module.pipeline.stream_name
}

output "parts" {
  description = "Everything that the deployment consists of: names, ARNs or ids by kind and key. check_deployment_status.sh looks at each."
  value       = module.pipeline.parts
}

output "expected" {
  description = "What check_deployment_status.sh is to find where it can be one or the other: protection, retention, enabled triggers."
  value       = module.pipeline.expected
}

output "next_commands" {
  description = "Commands to try next, in this order."
  value       = module.pipeline.next_commands
}
