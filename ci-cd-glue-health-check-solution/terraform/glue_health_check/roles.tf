# One role per Lambda, and one for temporary jobs. What each may do is an inline policy: it lives and dies with its role.
locals {
  made_by_checks    = "glue-hc-" # as in cloud/names.py
  glue_arn          = "arn:${local.partition}:glue:${local.region}:${local.account}"
  dynamodb_arn      = "arn:${local.partition}:dynamodb:${local.region}:${local.account}"
  logs_arn          = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group"
  job_arns          = ["${local.glue_arn}:job/${local.made_by_checks}*"]
  own_bucket_arns   = ["arn:${local.partition}:s3:::${local.made_by_checks}*"]
  own_table_arns    = ["${local.dynamodb_arn}:table/${local.made_by_checks}*"]
  own_database_arns = ["${local.glue_arn}:catalog", "${local.glue_arn}:database/glue_hc_*", "${local.glue_arn}:table/glue_hc_*/*", "${local.glue_arn}:userDefinedFunction/glue_hc_*/*"]
  passable_arns     = concat([for role in aws_iam_role.job : role.arn], tolist(var.passable_role_arns))
  secret_arns       = compact([var.github_token_secret_arn])

  # How an object is removed with all its versions, and an upload that came to no end.
  remove_objects = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectVersion"]
  list_bucket    = ["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions"]

  # What all three need that deal with checks: their objects, their state, and all of the removal.
  shared_grants = [
    {
      Sid      = "ListWork"
      Effect   = "Allow"
      Action   = local.list_bucket
      Resource = concat([local.bucket_arn], local.own_bucket_arns)
    },
    {
      Sid      = "WorkObjects"
      Effect   = "Allow"
      Action   = concat(["s3:GetObject", "s3:PutObject"], local.remove_objects)
      Resource = concat(["${local.bucket_arn}/glue-health-checks/*"], [for arn in local.own_bucket_arns : "${arn}/*"])
    },
    {
      Sid      = "RemoveBuckets"
      Effect   = "Allow"
      Action   = ["s3:DeleteBucket"]
      Resource = local.own_bucket_arns
    },
    {
      Sid      = "RemoveJobs"
      Effect   = "Allow"
      Action   = ["glue:BatchStopJobRun", "glue:DeleteJob", "glue:GetJob", "glue:GetJobRuns"]
      Resource = local.job_arns
    },
    {
      Sid      = "RemoveDatabases"
      Effect   = "Allow"
      Action   = ["glue:DeleteDatabase", "glue:DeleteTable", "glue:GetTables"]
      Resource = local.own_database_arns
    },
    {
      Sid      = "RemoveTables"
      Effect   = "Allow"
      Action   = ["dynamodb:DeleteTable"]
      Resource = local.own_table_arns
    },
  ]

  record_grants = [{
    Sid      = "Records"
    Effect   = "Allow"
    Action   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    Resource = [aws_dynamodb_table.records.arn]
  }]

  token_grants = [for arns in [local.secret_arns] : {
    Sid      = "Token"
    Effect   = "Allow"
    Action   = ["secretsmanager:GetSecretValue"]
    Resource = arns
  } if length(arns) > 0]

  watch_grants = [for arns in [[for name in var.guarded_buckets : "arn:${local.partition}:s3:::${name}"]] : {
    Sid      = "WatchOthers"
    Effect   = "Allow"
    Action   = ["s3:ListBucketVersions"]
    Resource = arns
  } if length(arns) > 0]

  start_grants = [{
    Sid      = "RunJobs"
    Effect   = "Allow"
    Action   = ["glue:StartJobRun"]
    Resource = local.job_arns
  }]

  grants = {
    trigger = concat(
      local.shared_grants, local.record_grants, local.token_grants, local.watch_grants, local.start_grants,
      [
        {
          Sid      = "MakeJobs"
          Effect   = "Allow"
          Action   = ["glue:CreateJob", "glue:TagResource"]
          Resource = local.job_arns
        },
        {
          Sid      = "MakeDatabases"
          Effect   = "Allow"
          Action   = ["glue:CreateDatabase"]
          Resource = local.own_database_arns
        },
        {
          Sid      = "MakeTables"
          Effect   = "Allow"
          Action   = ["dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:TagResource"]
          Resource = local.own_table_arns
        },
        {
          Sid      = "MakeBuckets"
          Effect   = "Allow"
          Action   = ["s3:CreateBucket", "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging"]
          Resource = local.own_bucket_arns
        },
      ],
      [for arns in [local.passable_arns] : {
        Sid       = "GiveRoles"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = arns
        Condition = { StringEquals = { "iam:PassedToService" = "glue.amazonaws.com" } }
      } if length(arns) > 0],
      [for names in [var.base_job_names] : {
        Sid      = "ReadBases"
        Effect   = "Allow"
        Action   = ["glue:GetJob"]
        Resource = [for name in names : "${local.glue_arn}:job/${name}"]
      } if length(names) > 0],
      [for names in [var.table_names] : {
        Sid      = "ReadKeys"
        Effect   = "Allow"
        Action   = ["dynamodb:DescribeTable"]
        Resource = [for name in names : "${local.dynamodb_arn}:table/${name}"]
      } if length(names) > 0],
      [for arns in [var.library_arns] : {
        Sid      = "ReadLibraries"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = tolist(arns)
      } if length(arns) > 0],
      [for queue in keys(local.queues) : merge(local.take_messages, { Resource = [aws_sqs_queue.this[queue].arn] }) if queue == "requests"],
    )
    monitor = concat(
      local.shared_grants, local.record_grants, local.token_grants, local.watch_grants, local.start_grants,
      [
        merge(local.take_messages, { Resource = [aws_sqs_queue.this["events"].arn] }),
        {
          # Logs of all jobs lie in the same groups, in streams that are named after runs.
          Sid      = "ReadJobLogs"
          Effect   = "Allow"
          Action   = ["logs:GetLogEvents"]
          Resource = ["${local.logs_arn}:/aws-glue/*"]
        },
      ],
    )
    cleanup = concat(
      local.shared_grants, local.token_grants,
      [
        {
          # These list what there is in the account; AWS has no narrower form.
          Sid      = "FindWhatIsLeft"
          Effect   = "Allow"
          Action   = ["dynamodb:ListTables", "glue:ListJobs", "s3:ListAllMyBuckets"]
          Resource = ["*"]
        },
        {
          # The catalog tells of all databases or of none.
          Sid      = "FindDatabases"
          Effect   = "Allow"
          Action   = ["glue:GetDatabases"]
          Resource = ["${local.glue_arn}:catalog", "${local.glue_arn}:database/*"]
        },
        {
          Sid      = "ReadTags"
          Effect   = "Allow"
          Action   = ["dynamodb:DescribeTable", "dynamodb:ListTagsOfResource", "glue:GetTags", "s3:GetBucketTagging"]
          Resource = concat(local.job_arns, local.own_bucket_arns, local.own_table_arns)
        },
      ],
    )
    webhook = concat(
      local.record_grants,
      [for arn in [var.webhook.secret_arn] : {
        Sid      = "Secret"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = [arn]
      } if arn != null],
      [for queue in keys(local.queues) : {
        Sid      = "Ask"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [aws_sqs_queue.this[queue].arn]
      } if queue == "requests"],
    )
  }

  take_messages = {
    Sid    = "TakeMessages"
    Effect = "Allow"
    Action = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
  }

  common_grants = { for name in keys(local.lambdas) : name => concat(
    [{
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${local.logs_arn}:/aws/lambda/${var.name_prefix}-${name}:*"]
    }],
    [for key in compact([var.kms_key_arn]) : {
      Sid      = "Encryption"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [key]
    }],
    [for enabled in [var.enable_tracing] : {
      # X-Ray has no resources that a segment could be put on.
      Sid      = "Tracing"
      Effect   = "Allow"
      Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      Resource = ["*"]
    } if enabled],
  ) }

  # What a temporary job may do: what its check made for it. Logs and metrics are Glue's own.
  job_grants = concat(
    [
      {
        Sid      = "ListOwn"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        Resource = local.own_bucket_arns
      },
      {
        Sid       = "ListWork"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [local.bucket_arn]
        Condition = { StringLike = { "s3:prefix" = ["glue-health-checks/pr*"] } }
      },
      {
        # Not state-…, manifests and reports, which say what the job is to be checked for.
        Sid      = "Objects"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = concat(["${local.bucket_arn}/glue-health-checks/pr*"], [for arn in local.own_bucket_arns : "${arn}/*"])
      },
      {
        Sid    = "Tables"
        Effect = "Allow"
        Action = [
          "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:DescribeTable",
          "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem",
        ]
        Resource = concat(local.own_table_arns, [for arn in local.own_table_arns : "${arn}/index/*"])
      },
      {
        Sid    = "Catalog"
        Effect = "Allow"
        Action = [
          "glue:BatchCreatePartition", "glue:BatchDeletePartition", "glue:BatchGetPartition", "glue:CreatePartition", "glue:CreateTable",
          "glue:DeletePartition", "glue:DeleteTable", "glue:GetDatabase", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable",
          "glue:GetTables", "glue:UpdatePartition", "glue:UpdateTable",
        ]
        Resource = local.own_database_arns
      },
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${local.logs_arn}:/aws-glue/*"]
      },
      {
        # Metrics have no resources; the namespace is what they can be held to.
        Sid       = "Metrics"
        Effect    = "Allow"
        Action    = ["cloudwatch:PutMetricData"]
        Resource  = ["*"]
        Condition = { StringEquals = { "cloudwatch:namespace" = "Glue" } }
      },
    ],
    [for arns in [var.library_arns] : {
      Sid      = "Libraries"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = tolist(arns)
    } if length(arns) > 0],
    [for key in compact([var.kms_key_arn]) : {
      Sid      = "Encryption"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [key]
    }],
  )
}

resource "aws_iam_role" "lambda" {
  for_each = local.enabled

  name        = "${var.name_prefix}-${each.key}"
  description = "Used by the Lambda ${var.name_prefix}-${each.key}, and by nothing else"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "lambda" {
  for_each = local.enabled

  name = "grants"
  role = aws_iam_role.lambda[each.key].id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.grants[each.key], local.common_grants[each.key])
  })
}

resource "aws_iam_role" "job" {
  count = var.create_job_role ? 1 : 0

  name        = "${var.name_prefix}-job"
  description = "Given to temporary jobs of health checks"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "glue.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "job" {
  count = var.create_job_role ? 1 : 0

  name   = "grants"
  role   = aws_iam_role.job[0].id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.job_grants })
}
