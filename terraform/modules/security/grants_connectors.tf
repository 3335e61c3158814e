# What connectors may do, where there are any: the Lambda for REST APIs and the job for databases.
locals {
  # New files only ("If-None-Match"); getting is for finding out what a run put there that was killed.
  connector_grants = {
    PutRows = {
      Sid      = "PutRows"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = ["${var.bucket_arns.raw}/data/incoming/*"]
    }
    Cursors = {
      Sid      = "Cursors"
      Effect   = "Allow"
      Action   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      Resource = [var.table_arns.job_state]
    }
  }

  connector_lambda_grants = { for statements in var.connectors.api[*] : "api_connector" => concat([
    {
      Sid      = "TakeMessages"
      Effect   = "Allow"
      Action   = local.take_messages
      Resource = [statements.queue_arn]
    },
    {
      Sid      = "ReadConnectors"
      Effect   = "Allow"
      Action   = local.s3_read
      Resource = ["${var.bucket_arns.scripts}/config/connectors/*"]
    },
    local.connector_grants.PutRows,
    local.connector_grants.Cursors,
    {
      # For buckets, table and secrets; for its environment variables.
      Sid      = "Encryption"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [aws_kms_key.this["data"].arn, aws_kms_key.this["telemetry"].arn]
    },
    {
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${local.logs_arn}:${statements.log_group_name}", "${local.logs_arn}:${statements.log_group_name}:*"]
    },
  ], local.connector_secret_grants["api_connector"], local.lambda_tracing) }

  connector_job_grants = { for job in var.connectors.database ? ["database_ingestion"] : [] : job => concat([
    {
      Sid      = "ListConnectors"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = [var.bucket_arns.scripts]
    },
    {
      Sid      = "ReadObjects"
      Effect   = "Allow"
      Action   = local.s3_read
      Resource = [for folder in ["jobs", "lib", "config/connectors"] : "${var.bucket_arns.scripts}/${folder}/*"]
    },
    local.connector_grants.PutRows,
    local.connector_grants.Cursors,
    {
      # AssociateKmsKey: the security configuration encrypts the log groups that Glue makes.
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${local.logs_arn}:/aws-glue/*"]
    },
    {
      Sid      = "DataKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [aws_kms_key.this["data"].arn]
    },
  ], local.connector_secret_grants[job]) }

  # Decrypting them is granted with the key.
  connector_secret_grants = { for loader in ["api_connector", "database_ingestion"] : loader => [for statement in [
    {
      Sid    = "ReadSecrets"
      Effect = "Allow"
      Action = ["secretsmanager:GetSecretValue"]
      Resource = [
        for name, secret in var.connector_secrets : aws_secretsmanager_secret.connector[name].arn if contains(secret.jobs, loader)
      ]
    },
  ] : statement if length(statement.Resource) > 0] }
}
