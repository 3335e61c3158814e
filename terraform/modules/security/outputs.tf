output "kms_key_arns" {
  description = "ARNs of the KMS keys: data (buckets, tables, secrets) and telemetry (log groups, topics, environments of the Lambdas)."
  value       = { for use, key in aws_kms_key.this : use => key.arn }
}

output "kms_key_aliases" {
  description = "Aliases of the KMS keys."
  value       = { for use, alias in aws_kms_alias.this : use => alias.name }
}

output "security_configuration_name" {
  description = "Name of the Glue security configuration."
  value       = aws_glue_security_configuration.this.name
}

# Of the version, so that whoever uses the secret finds a value in it.
output "pii_secret_arn" {
  description = "ARN of the secret that keys hashes and tokens of personal data."
  value       = aws_secretsmanager_secret_version.pii.arn
}

output "connector_secret_arns" {
  description = "ARNs of the secrets of connectors, by their name."
  value       = { for name, secret in aws_secretsmanager_secret.connector : name => secret.arn }
}

# The policies are part of the values, so that whoever uses a role waits for its permissions.
output "role_arns" {
  description = "Role ARNs by user: the jobs and the Lambdas, with those of connectors where there are any."
  value       = { for user in keys(merge(local.job_grants, local.lambda_grants, local.connector_job_grants, local.connector_lambda_grants)) : user => aws_iam_role.this[user].arn }
  depends_on  = [aws_iam_role_policy.network, aws_iam_role_policy.this]
}

output "service_role_arns" {
  description = "Role ARNs of service_roles."
  value       = { for user in var.service_roles : user => aws_iam_role.this[user].arn }
  depends_on  = [aws_iam_role_policy.this]
}
