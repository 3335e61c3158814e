output "named_query_ids" {
  description = "IDs of the named queries by name."
  value       = { for name, query in aws_athena_named_query.this : name => query.id }
}

output "workgroup_name" {
  description = "Name of the workgroup."
  value       = aws_athena_workgroup.this.name
}
