# What each Lambda may do, as the statements of its role's one inline policy.
locals {
  take_messages = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]

  # Metrics of the Lambdas travel in their log lines (embedded metric format).
  lambda_logs = { for name, group in var.lambda_log_group_names : name => {
    Sid      = "Logs"
    Effect   = "Allow"
    Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    Resource = ["${local.logs_arn}:${group}", "${local.logs_arn}:${group}:*"]
  } }

  lambda_tracing = [for statement in [
    {
      # X-Ray has no resources that a segment could be put on.
      Sid      = "Tracing"
      Effect   = "Allow"
      Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      Resource = ["*"]
    },
  ] : statement if var.enable_lambda_tracing]

  lambda_grants = {
    data_trigger = concat([
      {
        Sid      = "TakeMessages"
        Effect   = "Allow"
        Action   = local.take_messages
        Resource = [var.queue_arns.data_events]
      },
      {
        Sid      = "StartWorkflow"
        Effect   = "Allow"
        Action   = ["glue:StartWorkflowRun"]
        Resource = [var.workflow_arn]
      },
      {
        Sid      = "ReadClaims"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem"]
        Resource = [var.table_arns.job_bookmarks]
      },
      {
        # For the table of claims, and for its environment variables.
        Sid      = "Encryption"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [aws_kms_key.this["data"].arn, aws_kms_key.this["telemetry"].arn]
      },
      local.lambda_logs.data_trigger,
    ], local.lambda_tracing)
    monitoring = concat([
      {
        Sid      = "TakeMessages"
        Effect   = "Allow"
        Action   = local.take_messages
        Resource = [var.queue_arns.job_events]
      },
      {
        # GetJobRuns finds runs whose events were never delivered.
        Sid      = "ReadRuns"
        Effect   = "Allow"
        Action   = ["glue:GetJobRun", "glue:GetJobRuns"]
        Resource = values(var.job_arns)
      },
      {
        Sid      = "ReadWorkflowRuns"
        Effect   = "Allow"
        Action   = ["glue:GetWorkflowRun"]
        Resource = [var.workflow_arn]
      },
      {
        Sid      = "State"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
        Resource = [var.table_arns.job_state, "${var.table_arns.job_state}/index/*"]
      },
      {
        Sid      = "Notify"
        Effect   = "Allow"
        Action   = ["sns:Publish"]
        Resource = [for topic in ["alerts", "notifications", "performance", "system_health"] : var.topic_arns[topic]]
      },
      {
        Sid      = "QueueDepths"
        Effect   = "Allow"
        Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
        Resource = flatten([for arn in values(var.queue_arns) : [arn, "${arn}-dlq"]])
      },
      {
        # For the table of runs; for its environment variables, and messages to the encrypted topics.
        Sid      = "Encryption"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [aws_kms_key.this["data"].arn, aws_kms_key.this["telemetry"].arn]
      },
      local.lambda_logs.monitoring,
    ], local.lambda_tracing)
  }
}
