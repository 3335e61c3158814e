output "kms_key_arn" {
  description = "ARN of the KMS key."
  value       = aws_kms_key.this.arn
}

output "kms_key_alias" {
  description = "Alias of the KMS key."
  value       = aws_kms_alias.this.name
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

# The policy is part of the value, so that whoever uses a role waits for its permissions.
output "role_arns" {
  description = "Role ARNs by user: the three jobs, the two Lambdas and, in a VPC, vpc_flow_logs."
  value       = { for user, role in aws_iam_role.this : user => role.arn }
  depends_on  = [aws_iam_role_policy.this]
}
