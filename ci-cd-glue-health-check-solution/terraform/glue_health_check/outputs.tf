output "lambda_names" {
  description = "Names of the Lambdas: trigger, monitor and cleanup, and webhook where it is enabled."
  value       = { for name, lambda in aws_lambda_function.this : name => lambda.function_name }
}

output "work_bucket" {
  description = "Bucket of the checks."
  value       = local.work_bucket
}

output "job_role_arn" {
  description = "Role for temporary jobs (job: {role: …}); null when the module makes none."
  value       = one(aws_iam_role.job[*].arn)
}

output "webhook_url" {
  description = "Address for GitHub's webhook; null where it is off."
  value       = one(aws_lambda_function_url.webhook[*].function_url)
}

output "ci_environment" {
  description = "Variables that CI sets, to have its checks made by the Lambdas."
  value = {
    USE_LAMBDA              = "true"
    AWS_REGION              = local.region
    SCRIPT_LOCATION         = "s3://${local.work_bucket}/"
    LAMBDA_TRIGGER_FUNCTION = aws_lambda_function.this["trigger"].function_name
    LAMBDA_MONITOR_FUNCTION = aws_lambda_function.this["monitor"].function_name
    LAMBDA_CLEANUP_FUNCTION = aws_lambda_function.this["cleanup"].function_name
  }
}

output "ci_policy" {
  description = "What the role of CI needs: calling the three Lambdas, putting a check's files, reading reports."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "AskLambdas"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = [for name in ["trigger", "monitor", "cleanup"] : aws_lambda_function.this[name].arn]
      },
      {
        Sid      = "PutFiles"
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = ["${local.bucket_arn}/glue-health-checks/state-*"]
      },
      {
        Sid      = "ReadReports"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${local.bucket_arn}/glue-health-checks/_reports/*"]
      },
      {
        # Else S3 says of a report that is not there yet that it is forbidden.
        Sid       = "AskForReports"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [local.bucket_arn]
        Condition = { StringLike = { "s3:prefix" = ["glue-health-checks/_reports/*"] } }
      },
    ]
  })
}
