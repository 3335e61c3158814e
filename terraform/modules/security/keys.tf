# Two KMS keys, so that whoever may read logs can't read data: `data` for buckets, tables and secrets, which no AWS service
# may use on its own, and `telemetry` for log groups, topics and the Lambdas' environments.
locals {
  # All that administration of a key takes besides key_use, one by one; which people may do it is for their IAM policies.
  key_administration = [
    "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:DisableKey",
    "kms:DisableKeyRotation", "kms:EnableKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus",
    "kms:ListAliases", "kms:ListGrants", "kms:ListKeyPolicies", "kms:ListKeyRotations", "kms:ListResourceTags",
    "kms:PutKeyPolicy", "kms:RevokeGrant", "kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion", "kms:TagResource",
    "kms:UntagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription",
  ]

  key_use = [
    "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom", "kms:ReEncryptTo",
  ]

  account_principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }

  # In a key's policy "*" is the key itself. The account as principal gives nobody anything: it lets IAM policies do so,
  # and without it nobody could ever change the key again.
  key_statements = [
    {
      Sid       = "IamPoliciesAdminister"
      Effect    = "Allow"
      Principal = local.account_principal
      Action    = local.key_administration
      Resource  = "*"
    },
    {
      Sid       = "IamPoliciesUse"
      Effect    = "Allow"
      Principal = local.account_principal
      Action    = local.key_use
      Resource  = "*"
    },
    {
      # DynamoDB and Lambda take grants for what they keep, in the name of whoever sets them up.
      Sid       = "IamPoliciesGrantToServices"
      Effect    = "Allow"
      Principal = local.account_principal
      Action    = ["kms:CreateGrant"]
      Resource  = "*"
      Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
    },
  ]

  keys = {
    data = {
      description = "Encrypts the data, state and secrets of ${var.name_prefix}"
      statements  = []
    }
    telemetry = {
      description = "Encrypts the logs and messages of ${var.name_prefix}"
      statements = [
        {
          Sid       = "LogGroups"
          Effect    = "Allow"
          Principal = { Service = "logs.${local.region}.amazonaws.com" }
          Action    = local.key_use
          Resource  = "*"
          Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:*" } }
        },
        {
          # Alarms, budgets and cost alerts publish to the encrypted topics.
          Sid       = "PublishToTopics"
          Effect    = "Allow"
          Principal = { Service = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com", "costalerts.amazonaws.com"] }
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = "*"
          Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
        },
      ]
    }
  }
}

resource "aws_kms_key" "this" {
  for_each = local.keys

  description             = each.value.description
  deletion_window_in_days = var.kms_deletion_window_days
  enable_key_rotation     = true
  rotation_period_in_days = var.kms_rotation_days

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.key_statements, each.value.statements)
  })
}

resource "aws_kms_alias" "this" {
  for_each = aws_kms_key.this

  name          = "alias/${var.name_prefix}-${each.key}"
  target_key_id = each.value.key_id
}

moved {
  from = aws_kms_key.this
  to   = aws_kms_key.this["data"]
}

moved {
  from = aws_kms_alias.this
  to   = aws_kms_alias.this["data"]
}
