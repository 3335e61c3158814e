output "bucket_names" {
  description = "Bucket names by layer: raw, processed, curated, quality and scripts."
  value       = module.storage.bucket_names
}

output "table_names" {
  description = "DynamoDB table names: job_bookmarks and job_state."
  value       = module.storage.table_names
}

output "job_names" {
  description = "Names of the Glue jobs by key."
  value       = module.glue.job_names
}

output "workflow_name" {
  description = "Name of the Glue workflow."
  value       = module.glue.workflow_name
}

output "database_name" {
  description = "Name of the Glue database."
  value       = module.glue.database_name
}

output "topic_arns" {
  description = "ARNs of the SNS topics: alerts, notifications, performance and system_health."
  value       = module.events.topic_arns
}

output "queue_urls" {
  description = "URLs of the queues that feed the Lambdas, and of their dead-letter queues."
  value = merge(
    module.events.queue_urls,
    { for key, url in module.events.dead_letter_queue_urls : "${key}_dead_letter" => url },
  )
}

output "lambda_names" {
  description = "Names of the Lambdas by key."
  value       = module.events.lambda_names
}

output "pii_secret_arn" {
  description = "ARN of the secret that keys hashes and tokens of personal data."
  value       = module.security.pii_secret_arn
}

output "athena_workgroup" {
  description = "Name of the Athena workgroup to query the tables with."
  value       = module.athena.workgroup_name
}

output "dashboard_names" {
  description = "Names of the CloudWatch dashboards."
  value       = module.monitoring.dashboard_names
}

output "health_alarm_name" {
  description = "Name of the alarm that says whether the pipeline as a whole is well."
  value       = module.monitoring.health_alarm_name
}

output "quality_results_table" {
  description = "Table of the results of all quality checks, for Athena."
  value       = local.results
}

output "stream_name" {
  description = "Name of the Kinesis stream; null without streaming."
  value       = one(module.streaming[*].stream_name)
}

output "parts" {
  description = "Everything that the deployment consists of: names, ARNs or ids by kind and key. check_deployment_status.sh looks at each."
  value       = local.parts
}

output "expected" {
  description = "What check_deployment_status.sh is to find where it can be one or the other: protection, retention, enabled triggers."
  value       = local.expected
}

output "next_commands" {
  description = "Commands to try next, in this order."
  value = concat(
    [
      "aws s3 cp sample-data.csv s3://${module.storage.bucket_names["raw"]}/${local.incoming_prefix}2024/01/15/",
      "aws glue start-workflow-run --name ${module.glue.workflow_name}",
      "aws glue get-workflow --name ${module.glue.workflow_name} --query Workflow.LastRun",
      "aws glue get-job-runs --job-name ${module.glue.job_names["data_ingestion"]} --max-results 1 --query 'JobRuns[].[JobRunState,ErrorMessage,LogGroupName]'",
      "aws logs tail ${local.job_log_group_name} --since 1h",
      "aws cloudwatch describe-alarms --alarm-names ${module.monitoring.health_alarm_name} --alarm-types CompositeAlarm --query 'CompositeAlarms[].[StateValue,StateReason]'",
      "aws s3 ls --recursive s3://${module.storage.bucket_names["quality"]}/reports/",
      "aws athena start-query-execution --work-group ${module.athena.workgroup_name} --query-string 'SELECT dataset, score, passed, checked_at FROM ${local.results} ORDER BY checked_at DESC LIMIT 10'",
    ],
    [for stream in module.streaming[*].stream_name : "aws kinesis put-record --stream-name ${stream} --partition-key 1 --data fileb:///dev/stdin <<< '{\"dataset\":\"events\",\"id\":1}'"],
  )
}
