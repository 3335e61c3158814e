output "alarm_names" {
  description = "Names of the alarms by key; those of slow jobs begin with job-slow-."
  value = merge(
    { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.alarm_name },
    { for key, alarm in aws_cloudwatch_metric_alarm.slow : "job-slow-${replace(key, "_", "-")}" => alarm.alarm_name },
  )
}

output "dashboard_names" {
  description = "Names of the CloudWatch dashboards: operations, data and cost, as far as they are made."
  value       = { for key, dashboard in aws_cloudwatch_dashboard.this : key => dashboard.dashboard_name }
}

output "health_alarm_name" {
  description = "Name of the alarm that says whether the pipeline as a whole is well."
  value       = aws_cloudwatch_composite_alarm.system_health.alarm_name
}

output "log_group_arns" {
  description = "ARNs of the log groups by key."
  value       = { for key, group in aws_cloudwatch_log_group.this : key => group.arn }
}

output "log_group_names" {
  description = "Names of the log groups by key."
  value       = { for key, group in aws_cloudwatch_log_group.this : key => group.name }
}

output "vital_alarm_keys" {
  description = "Keys of the alarms that make up the pipeline's health; the others tell of quality and speed."
  value       = local.vital_alarms
}
