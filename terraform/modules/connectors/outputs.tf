output "connector_keys" {
  description = "Where each connector is published, as keys of the scripts bucket."
  value       = { for name, object in aws_s3_object.connector : name => object.key }
}

output "lambda_names" {
  description = "Name of the Lambda for REST APIs, by key; empty where there is none."
  value       = { for function in aws_lambda_function.this : "api_connector" => function.function_name }
}

output "job_names" {
  description = "Name of the job for databases, by key; empty where there is none."
  value       = { for job in aws_glue_job.this : "database_ingestion" => job.name }
}

output "job_dpus" {
  description = "Data processing units of the job for databases, by key."
  value       = { for job in aws_glue_job.this : "database_ingestion" => job.max_capacity }
}

output "queue_urls" {
  description = "URL of the queue of connectors to load, by key; empty without an API."
  value       = { for queue in aws_sqs_queue.this : "connectors" => queue.url }
}

output "dead_letter_queue_urls" {
  description = "URL of its dead-letter queue, by key."
  value       = { for queue in aws_sqs_queue.dead_letter : "connectors" => queue.url }
}

output "event_source_mapping_ids" {
  description = "Id of what feeds the Lambda from its queue, by key."
  value       = { for mapping in aws_lambda_event_source_mapping.this : "connectors" => mapping.uuid }
}

output "rule_names" {
  description = "EventBridge rules that load APIs on schedule, by connector."
  value       = { for name, rule in aws_cloudwatch_event_rule.this : "connector_${name}" => rule.name }
}

output "trigger_names" {
  description = "Glue triggers that load databases on schedule, by connector."
  value       = { for name, trigger in aws_glue_trigger.this : "connector_${name}" => trigger.name }
}
