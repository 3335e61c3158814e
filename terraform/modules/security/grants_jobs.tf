# What each Glue job may do, as the statements of its role's one inline policy.
locals {
  s3_read  = ["s3:GetObject"]
  s3_write = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]

  # A streaming job is ingestion by another door: what it reads lies in a stream.
  streaming_access = {
    streaming_ingestion = {
      lists           = ["processed", "quality"]
      reads           = [] # but what it writes: records as they came, and its checkpoint
      writes          = ["${var.bucket_arns.processed}/*", "${var.bucket_arns.quality}/*"]
      deletes         = []
      secrets         = []
      tables          = ["processed_*"]
      catalog_changes = ["glue:BatchCreatePartition", "glue:CreateTable", "glue:UpdateTable"]
    }
  }

  # What sets one job apart from the others: what it reads and writes of the lake and its catalog.
  # Ingestion keeps refused files in quarantine, processing refused rows; quality writes reports.
  # `deletes` is data whose time has passed, `secrets` what keys personal data.
  job_access = merge({ for job, access in local.streaming_access : job => access if var.streaming_job != null }, {
    data_ingestion = {
      lists   = ["raw", "processed", "quality"]
      reads   = ["${var.bucket_arns.raw}/*"]
      writes  = ["${var.bucket_arns.processed}/*", "${var.bucket_arns.quality}/*"]
      deletes = []
      secrets = []
      tables  = ["processed_*"]
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
      tables  = ["*"]
      # BatchCreatePartition: it registers a batch whose ingestion was killed before it could.
      # BatchDeletePartition: those of batches that maintenance removes.
      catalog_changes = ["glue:BatchCreatePartition", "glue:BatchDeletePartition", "glue:CreateTable", "glue:UpdateTable"]
    }
    data_quality = {
      lists = ["processed", "curated", "quality"]
      reads = ["${var.bucket_arns.processed}/*"]
      # It publishes the rows that waited for its verdict (publish: after_quality), with their aggregates.
      writes          = ["${var.bucket_arns.curated}/*", "${var.bucket_arns.quality}/*"]
      deletes         = []
      secrets         = []
      tables          = ["*"]
      catalog_changes = ["glue:CreateTable", "glue:UpdateTable"]
    }
  })

  # Topics and consumer groups have ARNs made of their cluster's; Spark names its groups by itself.
  kafka_cluster_arn = try(var.streaming_job.cluster_arn, null)

  stream_grants = { streaming_ingestion = [for statement in [
    {
      Sid    = "ReadStream"
      Effect = "Allow"
      Action = [
        "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator",
        "kinesis:ListShards",
      ]
      Resource = compact([try(var.streaming_job.stream_arn, null)])
    },
    {
      Sid      = "StreamKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = compact([try(var.streaming_job.stream_key_arn, null)])
    },
    {
      Sid      = "ConnectToKafka"
      Effect   = "Allow"
      Action   = ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster"]
      Resource = compact([local.kafka_cluster_arn])
    },
    {
      Sid    = "ReadTopics"
      Effect = "Allow"
      Action = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
      Resource = local.kafka_cluster_arn == null ? [] : [
        for topic in var.streaming_job.topics : "${replace(local.kafka_cluster_arn, ":cluster/", ":topic/")}/${topic}"
      ]
    },
    {
      Sid    = "UseConsumerGroups"
      Effect = "Allow"
      Action = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
      Resource = [for cluster in compact([local.kafka_cluster_arn]) :
        "${replace(cluster, ":cluster/", ":group/")}/spark-kafka-source-*"
      ]
    },
  ] : statement if length(statement.Resource) > 0] }

  # Those of connectors, by the jobs that may read them.
  connector_secrets = { for job in keys(local.job_access) : job => [
    for name, secret in var.connector_secrets : aws_secretsmanager_secret.connector[name].arn if contains(secret.jobs, job)
  ] }

  glue_arn = "arn:${local.partition}:glue:${local.region}:${local.account}"
  logs_arn = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group"
  ec2_arn  = "arn:${local.partition}:ec2:${local.region}:${local.account}"

  # In every job's role.
  common_job_grants = { for job, access in local.job_access : job => [
    {
      Sid      = "ListBuckets"
      Effect   = "Allow"
      Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
      Resource = [for layer in concat(access.lists, ["scripts"]) : var.bucket_arns[layer]]
    },
    {
      Sid      = "ReadObjects"
      Effect   = "Allow"
      Action   = local.s3_read
      Resource = concat(access.reads, [for folder in ["jobs", "lib", "config"] : "${var.bucket_arns.scripts}/${folder}/*"])
    },
    {
      # Scratch space, and event logs for the Spark history server.
      Sid      = "WriteObjects"
      Effect   = "Allow"
      Action   = local.s3_write
      Resource = concat(access.writes, ["${var.bucket_arns.scripts}/tmp/*"])
    },
    {
      Sid    = "Ledger"
      Effect = "Allow"
      Action = [
        "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem",
      ]
      Resource = [var.table_arns.job_bookmarks, var.table_arns.job_state]
    },
    {
      Sid    = "Catalog"
      Effect = "Allow"
      Action = concat(["glue:GetPartitions", "glue:GetTable", "glue:GetTables"], access.catalog_changes)
      Resource = concat(
        ["${local.glue_arn}:catalog", "${local.glue_arn}:database/${var.database_name}"],
        [for table in access.tables : "${local.glue_arn}:table/${var.database_name}/${table}"],
      )
    },
    {
      # Spark looks for the other two when it starts on the Glue Data Catalog.
      Sid    = "Databases"
      Effect = "Allow"
      Action = ["glue:GetDatabase"]
      Resource = concat(
        ["${local.glue_arn}:catalog"],
        [for database in [var.database_name, "default", "global_temp"] : "${local.glue_arn}:database/${database}"],
      )
    },
    {
      Sid      = "Alerts"
      Effect   = "Allow"
      Action   = ["sns:Publish"]
      Resource = [var.topic_arns["alerts"]]
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
      Resource = ["${local.logs_arn}:/aws-glue/*"]
    },
    {
      Sid      = "DataKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
      Resource = [aws_kms_key.this["data"].arn]
    },
    {
      # For messages to the encrypted topic.
      Sid      = "TelemetryKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [aws_kms_key.this["telemetry"].arn]
    },
  ] }

  # In the roles of the jobs that have something of the kind.
  special_job_grants = { for job, access in local.job_access : job => [for statement in [
    {
      Sid      = "ExpireObjects"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject"]
      Resource = access.deletes
    },
    {
      # Decrypting them is granted with the key, by "DataKey".
      Sid      = "ReadSecrets"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = concat(access.secrets, local.connector_secrets[job])
    },
  ] : statement if length(statement.Resource) > 0] }

  # In every job's role when jobs run in a VPC.
  network_job_grants = [
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
      # These calls of EC2 have no resource-level permissions.
      Sid    = "DescribeNetwork"
      Effect = "Allow"
      Action = [
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpoints",
      ]
      Resource = ["*"]
    },
    {
      Sid      = "DescribeVpc"
      Effect   = "Allow"
      Action   = ["ec2:DescribeVpcAttribute"]
      Resource = ["${local.ec2_arn}:vpc/${coalesce(var.vpc_id, "none")}"]
    },
    {
      Sid    = "CreateNetworkInterfaces"
      Effect = "Allow"
      Action = ["ec2:CreateNetworkInterface"]
      Resource = concat(
        ["${local.ec2_arn}:network-interface/*"],
        [for id in var.subnet_ids : "${local.ec2_arn}:subnet/${id}"],
        [for id in var.security_group_ids : "${local.ec2_arn}:security-group/${id}"],
      )
    },
    {
      Sid       = "DeleteNetworkInterfaces"
      Effect    = "Allow"
      Action    = ["ec2:DeleteNetworkInterface"]
      Resource  = ["${local.ec2_arn}:network-interface/*"]
      Condition = { ArnEquals = { "ec2:Subnet" = [for id in var.subnet_ids : "${local.ec2_arn}:subnet/${id}"] } }
    },
    {
      # Glue marks the network interfaces it has made, with this tag and no other.
      Sid       = "TagNetworkInterfaces"
      Effect    = "Allow"
      Action    = ["ec2:CreateTags", "ec2:DeleteTags"]
      Resource  = ["${local.ec2_arn}:network-interface/*"]
      Condition = { "ForAllValues:StringEquals" = { "aws:TagKeys" = ["aws-glue-service-resource"] } }
    },
  ]

  job_grants = { for job in keys(local.job_access) : job => concat(
    local.common_job_grants[job], local.special_job_grants[job], lookup(local.stream_grants, job, []),
  ) }
}
