# One role per job and per Lambda. What each may do is listed in `grants`, as the statements of one
# inline policy: it lives and dies with its role, and nothing else can attach it.
locals {
  s3_read  = ["s3:GetObject"]
  s3_write = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]

  # What sets one job apart from the others: what it reads and writes of the lake and its catalog.
  # Ingestion keeps refused files in quarantine, processing refused rows; quality writes reports.
  # `deletes` is data whose time has passed, `secrets` what keys personal data.
  job_access = {
    data_ingestion = {
      lists   = ["raw", "processed", "quality"]
      reads   = ["${var.bucket_arns.raw}/*"]
      writes  = ["${var.bucket_arns.processed}/*", "${var.bucket_arns.quality}/*"]
      deletes = []
      secrets = []
      # UpdateTable: columns that the data brought, or that a contract got later.
      catalog_changes = ["glue:BatchCreatePartition", "glue:CreateTable", "glue:UpdateTable"]
    }
    data_processing = {
      lists = ["processed", "curated", "quality"]
      reads = ["${var.bucket_arns.processed}/*"]
      # _staging: copies of reference files that Spark can't read as they lie.
      # The last two are empty objects that Hadoop's file systems put for a folder whose files they have deleted.
      writes = [
        "${var.bucket_arns.curated}/*", "${var.bucket_arns.quality}/*", "${var.bucket_arns.processed}/_staging/*",
        "${var.bucket_arns.processed}/*_$folder$", "${var.bucket_arns.processed}/*/",
      ]
      deletes = ["${var.bucket_arns.processed}/*"]
      secrets = [aws_secretsmanager_secret.pii.arn]
      # BatchCreatePartition: it registers a batch whose ingestion was killed before it could.
      # BatchDeletePartition: those of batches that maintenance removes.
      catalog_changes = ["glue:BatchCreatePartition", "glue:BatchDeletePartition", "glue:CreateTable", "glue:UpdateTable"]
    }
    data_quality = {
      lists           = ["processed", "curated", "quality"]
      reads           = ["${var.bucket_arns.processed}/*", "${var.bucket_arns.curated}/*"]
      writes          = ["${var.bucket_arns.quality}/*"]
      deletes         = []
      secrets         = []
      catalog_changes = []
    }
  }

  glue_arn = "arn:${local.partition}:glue:${local.region}:${local.account}"
  logs_arn = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group"

  job_grants = { for job, access in local.job_access : job => concat([
    {
      Sid      = "ListBuckets"
      Effect   = "Allow"
      Action   = ["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"]
      Resource = [for layer in concat(access.lists, ["scripts"]) : var.bucket_arns[layer]]
    },
    {
      Sid      = "ReadObjects"
      Effect   = "Allow"
      Action   = local.s3_read
      Resource = concat(access.reads, [for folder in ["jobs", "lib", "config"] : "${var.bucket_arns.scripts}/${folder}/*"])
    },
    {
      Sid      = "WriteObjects"
      Effect   = "Allow"
      Action   = local.s3_write
      Resource = concat(access.writes, ["${var.bucket_arns.scripts}/tmp/*"])
    },
    {
      Sid    = "Ledger"
      Effect = "Allow"
      Action = [
        "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query",
        "dynamodb:UpdateItem",
      ]
      Resource = [var.table_arns.job_bookmarks, var.table_arns.job_state, "${var.table_arns.job_state}/index/*"]
    },
    {
      Sid    = "Catalog"
      Effect = "Allow"
      Action = concat(["glue:GetDatabase", "glue:GetPartitions", "glue:GetTable", "glue:GetTables"], access.catalog_changes)
      Resource = [
        "${local.glue_arn}:catalog",
        "${local.glue_arn}:database/${var.database_name}",
        "${local.glue_arn}:table/${var.database_name}/*",
      ]
    },
    {
      # Spark looks these two up when it starts on the Glue Data Catalog.
      Sid      = "SparkDatabases"
      Effect   = "Allow"
      Action   = ["glue:GetDatabase"]
      Resource = ["${local.glue_arn}:database/default", "${local.glue_arn}:database/global_temp"]
    },
    {
      Sid      = "Alerts"
      Effect   = "Allow"
      Action   = ["sns:Publish"]
      Resource = [var.topic_arns.alerts]
    },
    {
      # PutMetricData has no resource-level permissions; the namespace narrows it. Glue's own job
      # metrics are sent with the job's role, too.
      Sid       = "Metrics"
      Effect    = "Allow"
      Action    = ["cloudwatch:PutMetricData"]
      Resource  = ["*"]
      Condition = { StringEquals = { "cloudwatch:namespace" = [var.metrics_namespace, "Glue"] } }
    },
    {
      # AssociateKmsKey: the security configuration encrypts the log groups that Glue makes.
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${local.logs_arn}:/aws-glue/*", "${local.logs_arn}:/aws-glue/*:*"]
    },
    {
      Sid      = "Encryption"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
      Resource = [aws_kms_key.this.arn]
    },
    ], [for statement in [
      {
        Sid      = "ExpireObjects"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject"]
        Resource = access.deletes
      },
      {
        # Decrypting it is granted with the key, by "Encryption".
        Sid      = "ReadSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = access.secrets
      },
      ] : statement if length(statement.Resource) > 0], [for statement in [
      {
        Sid    = "NetworkConnections"
        Effect = "Allow"
        Action = ["glue:GetConnection"]
        Resource = [
          "${local.glue_arn}:catalog",
          "${local.glue_arn}:connection/${var.name_prefix}-network-*",
        ]
      },
      {
        # EC2 describes and makes network interfaces without resource-level permissions that could
        # tell ours from others before they exist.
        Sid    = "NetworkInterfaces"
        Effect = "Allow"
        Action = [
          "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables",
          "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpoints",
        ]
        Resource = ["*"]
      },
      {
        Sid       = "OwnNetworkInterfaces"
        Effect    = "Allow"
        Action    = ["ec2:CreateTags", "ec2:DeleteNetworkInterface", "ec2:DeleteTags"]
        Resource  = ["arn:${local.partition}:ec2:${local.region}:${local.account}:network-interface/*"]
        Condition = { "ForAllValues:StringEquals" = { "aws:TagKeys" = ["aws-glue-service-resource"] } }
      },
  ] : statement if var.enable_vpc]) }

  lambda_grants = {
    data_trigger = [
      {
        Sid      = "TakeMessages"
        Effect   = "Allow"
        Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
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
        # For its environment variables.
        Sid      = "Encryption"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [aws_kms_key.this.arn]
      },
      local.lambda_logs.data_trigger,
    ]
    monitoring = [
      {
        Sid      = "TakeMessages"
        Effect   = "Allow"
        Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        Resource = [var.queue_arns.job_events]
      },
      {
        Sid      = "ReadRuns"
        Effect   = "Allow"
        Action   = ["glue:GetJobRun"]
        Resource = values(var.job_arns)
      },
      {
        Sid      = "RunHistory"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
        Resource = [var.table_arns.job_state]
      },
      {
        Sid      = "Notify"
        Effect   = "Allow"
        Action   = ["sns:Publish"]
        Resource = [var.topic_arns.notifications]
      },
      {
        # For its environment variables, and for messages to the encrypted topic.
        Sid      = "Encryption"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [aws_kms_key.this.arn]
      },
      local.lambda_logs.monitoring,
    ]
  }

  # Metrics of the Lambdas travel in their log lines (embedded metric format).
  lambda_logs = { for name, group in var.lambda_log_group_names : name => {
    Sid      = "Logs"
    Effect   = "Allow"
    Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    Resource = ["${local.logs_arn}:${group}", "${local.logs_arn}:${group}:*"]
  } }

  flow_log_grants = {
    vpc_flow_logs = [
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = ["${local.logs_arn}:/aws/vpc/${var.name_prefix}", "${local.logs_arn}:/aws/vpc/${var.name_prefix}:*"]
      },
      {
        # Describing log groups works on all of a region or not at all.
        Sid      = "FindGroup"
        Effect   = "Allow"
        Action   = ["logs:DescribeLogGroups"]
        Resource = ["*"]
      },
    ]
  }

  grants = merge(local.job_grants, local.lambda_grants, { for role, statements in local.flow_log_grants : role => statements if var.enable_vpc })

  services = merge(
    { for role in keys(local.job_grants) : role => "glue.amazonaws.com" },
    { for role in keys(local.lambda_grants) : role => "lambda.amazonaws.com" },
    { for role in keys(local.flow_log_grants) : role => "vpc-flow-logs.amazonaws.com" if var.enable_vpc },
  )
}

resource "aws_iam_role" "this" {
  for_each = local.services

  name        = "${var.name_prefix}-${replace(each.key, "_", "-")}"
  description = "Used by ${each.key} of ${var.name_prefix}, and by nothing else"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = each.value }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.services

  name = "grants"
  role = aws_iam_role.this[each.key].id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.grants[each.key]
  })
}
