output "ci_environment" {
  description = "Variables that CI sets."
  value       = module.glue_health_check.ci_environment
}

output "ci_policy" {
  description = "What the role of CI needs."
  value       = module.glue_health_check.ci_policy
}

output "job_role_arn" {
  description = "Role for temporary jobs."
  value       = module.glue_health_check.job_role_arn
}

output "webhook_url" {
  description = "Address for GitHub's webhook; null where it is off."
  value       = module.glue_health_check.webhook_url
}
