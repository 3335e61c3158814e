output "dead_letter_queue_urls" {
  description = "URLs of the dead-letter queues."
  value       = { for key, queue in aws_sqs_queue.dead_letter : key => queue.url }
}

output "event_source_mapping_ids" {
  description = "Ids of what brings the queues' messages to the Lambdas, by queue."
  value       = { for key, mapping in aws_lambda_event_source_mapping.this : key => mapping.uuid }
}

output "lambda_names" {
  description = "Names of the Lambdas: data_trigger and monitoring."
  value       = { for key, lambda in aws_lambda_function.this : key => lambda.function_name }
}

output "queue_urls" {
  description = "URLs of the queues: data_events and job_events."
  value       = { for key, queue in aws_sqs_queue.this : key => queue.url }
}

output "rule_names" {
  description = "Names of the EventBridge rules: data_events, job_events, and those of the schedules."
  value = merge(
    { for key, rule in aws_cloudwatch_event_rule.this : key => rule.name },
    { for key, rule in aws_cloudwatch_event_rule.schedule : key => rule.name },
  )
}

output "topic_arns" {
  description = "ARNs of the SNS topics by key: alerts, notifications, performance and system_health."
  value       = { for key, topic in aws_sns_topic.this : key => topic.arn }
}
