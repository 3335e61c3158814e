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

  # Reading new files, and moving them away, only where the scan is to do so.
  scan_grants = concat(
    [for statement in [
      {
        Sid      = "ScanObjects"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${var.bucket_arns.raw}/*", "${var.bucket_arns.scripts}/config/datasets/*"]
      },
    ] : statement if var.incoming_scan != "off"],
    [for statement in [
      {
        Sid      = "KeepRefused"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:PutObject"]
        Resource = ["${var.bucket_arns.quality}/quarantine/*"]
      },
      {
        Sid      = "RemoveRefused"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject"]
        Resource = ["${var.bucket_arns.raw}/*"]
      },
    ] : statement if var.incoming_scan == "quarantine"],
  )

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
        Sid      = "Claims"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"]
        Resource = [var.table_arns.job_bookmarks]
      },
      {
        Sid    = "State"
        Effect = "Allow"
        Action = [
          "dynamodb:BatchWriteItem",
          "dynamodb:DeleteItem",
          "dynamodb:GetItem",
          "dynamodb:PutItem",
          "dynamodb:Query",
          "dynamodb:UpdateItem",
        ]
        Resource = [var.table_arns.job_state]
      },
      {
        # Size and time of an object, and the sweep.
        Sid      = "ListIncoming"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [var.bucket_arns.raw]
      },
      {
        Sid      = "Alerts"
        Effect   = "Allow"
        Action   = ["sns:Publish"]
        Resource = [var.topic_arns["alerts"]]
      },
      {
        # For the tables; for its environment variables, and messages to the encrypted topic.
        Sid      = "Encryption"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [aws_kms_key.this["data"].arn, aws_kms_key.this["telemetry"].arn]
      },
      local.lambda_logs.data_trigger,
    ], local.scan_grants, local.lambda_tracing)
    monitoring = concat([
      {
        # "QueueDepths" has the fourth of them, for all queues.
        Sid      = "TakeMessages"
        Effect   = "Allow"
        Action   = [for action in local.take_messages : action if action != "sqs:GetQueueAttributes"]
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
