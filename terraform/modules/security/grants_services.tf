# What the services may do that work beside the jobs, where they are switched on.
locals {
  service_grants = {
    # Crawlers look at raw files and write down what they find, in tables of their own.
    crawler = [
      {
        Sid      = "ListBuckets"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket"]
        Resource = [var.bucket_arns.raw]
      },
      {
        Sid      = "ReadObjects"
        Effect   = "Allow"
        Action   = local.s3_read
        Resource = ["${var.bucket_arns.raw}/*"]
      },
      {
        Sid    = "Catalog"
        Effect = "Allow"
        Action = [
          "glue:BatchCreatePartition", "glue:BatchGetPartition", "glue:CreateTable", "glue:GetDatabase", "glue:GetPartitions",
          "glue:GetTable", "glue:GetTables", "glue:UpdatePartition", "glue:UpdateTable",
        ]
        Resource = [
          "${local.glue_arn}:catalog",
          "${local.glue_arn}:database/${var.database_name}",
          "${local.glue_arn}:table/${var.database_name}/raw_*",
        ]
      },
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${local.logs_arn}:/aws-glue/crawlers*"]
      },
      {
        Sid      = "DataKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [aws_kms_key.this["data"].arn]
      },
    ]
    # Glue's own optimisers of Iceberg tables: compaction, retention, orphan files.
    table_optimizer = [
      {
        Sid      = "ListBuckets"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket"]
        Resource = [var.bucket_arns.curated]
      },
      {
        Sid      = "RewriteObjects"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = ["${var.bucket_arns.curated}/*"]
      },
      {
        Sid    = "Catalog"
        Effect = "Allow"
        Action = ["glue:GetTable", "glue:UpdateTable"]
        Resource = [
          "${local.glue_arn}:catalog",
          "${local.glue_arn}:database/${var.database_name}",
          "${local.glue_arn}:table/${var.database_name}/*",
        ]
      },
      {
        Sid    = "Logs"
        Effect = "Allow"
        Action = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = flatten([for work in ["iceberg-compaction", "iceberg-retention", "iceberg-orphan-file-deletion"] : [
          "${local.logs_arn}:/aws-glue/${work}/logs", "${local.logs_arn}:/aws-glue/${work}/logs:*",
        ]])
      },
      {
        Sid      = "DataKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [aws_kms_key.this["data"].arn]
      },
    ]
    # Firehose carries the records of the stream to the raw bucket.
    streaming = [
      {
        Sid      = "ReadStream"
        Effect   = "Allow"
        Action   = ["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
        Resource = ["arn:${local.partition}:kinesis:${local.region}:${local.account}:stream/${var.name_prefix}-*"]
      },
      {
        Sid      = "ListBuckets"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        Resource = [var.bucket_arns.raw]
      },
      {
        Sid      = "WriteObjects"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        Resource = ["${var.bucket_arns.raw}/*"]
      },
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:PutLogEvents"]
        Resource = ["${local.logs_arn}:/aws/kinesisfirehose/${var.name_prefix}*:log-stream:*"]
      },
      {
        Sid      = "DataKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [aws_kms_key.this["data"].arn]
      },
    ]
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

  service_principals = {
    crawler         = "glue.amazonaws.com"
    streaming       = "firehose.amazonaws.com"
    table_optimizer = "glue.amazonaws.com"
    vpc_flow_logs   = "vpc-flow-logs.amazonaws.com"
  }
}
