output "bucket_names" {
  description = "Bucket names by layer."
  value       = { for layer in keys(var.bucket_names) : layer => aws_s3_bucket.this[layer].bucket }
}

output "bucket_arns" {
  description = "Bucket ARNs by layer."
  value       = { for layer in keys(var.bucket_names) : layer => aws_s3_bucket.this[layer].arn }
}

output "access_log_bucket_name" {
  description = "Bucket of the access logs; null without access logs."
  value       = one([for layer in keys(local.access_logs) : aws_s3_bucket.this[layer].bucket])
}

output "table_names" {
  description = "DynamoDB table names: job_bookmarks and job_state."
  value       = { for key, table in aws_dynamodb_table.this : key => table.name }
}

output "table_arns" {
  description = "DynamoDB table ARNs: job_bookmarks and job_state."
  value       = { for key, table in aws_dynamodb_table.this : key => table.arn }
}
