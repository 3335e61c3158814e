output "bucket_names" {
  description = "Bucket names by layer."
  value       = { for layer, bucket in aws_s3_bucket.this : layer => bucket.id }
}

output "bucket_arns" {
  description = "Bucket ARNs by layer."
  value       = { for layer, bucket in aws_s3_bucket.this : layer => bucket.arn }
}

output "table_names" {
  description = "DynamoDB table names: job_bookmarks and job_state."
  value = {
    job_bookmarks = aws_dynamodb_table.job_bookmarks.name
    job_state     = aws_dynamodb_table.job_state.name
  }
}

output "table_arns" {
  description = "DynamoDB table ARNs: job_bookmarks and job_state."
  value = {
    job_bookmarks = aws_dynamodb_table.job_bookmarks.arn
    job_state     = aws_dynamodb_table.job_state.arn
  }
}
