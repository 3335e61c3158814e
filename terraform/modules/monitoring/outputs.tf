output "log_group_names" {
  description = "Names of the log groups by key."
  value       = { for key, group in aws_cloudwatch_log_group.this : key => group.name }
}

output "log_group_arns" {
  description = "ARNs of the log groups by key."
  value       = { for key, group in aws_cloudwatch_log_group.this : key => group.arn }
}

output "alarm_names" {
  description = "Names of the alarms by key."
  value       = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.alarm_name }
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}
