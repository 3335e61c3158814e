# What no bucket lets happen, whoever asks and whatever their own policies allow.
data "aws_caller_identity" "current" {}

locals {
  object_arns = { for layer, bucket in aws_s3_bucket.this : layer => "${bucket.arn}/*" }

  # For every bucket.
  transport_denials = { for layer, bucket in aws_s3_bucket.this : layer => [
    {
      Sid       = "DenyPlainHttp"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [bucket.arn, local.object_arns[layer]]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    },
    {
      Sid       = "DenyOldTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [bucket.arn, local.object_arns[layer]]
      Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
    },
  ] }

  # A writer that names no encryption gets the bucket's own, which is the right one. `Null` lets it pass: StringNotEquals
  # alone is also true of a header that is not there.
  encryption_denials = { for layer in keys(var.bucket_names) : layer => [
    {
      Sid       = "DenyOtherEncryption"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObject"
      Resource  = local.object_arns[layer]
      Condition = {
        Null            = { "s3:x-amz-server-side-encryption" = "false" }
        StringNotEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" }
      }
    },
    {
      Sid       = "DenyOtherKeys"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObject"
      Resource  = local.object_arns[layer]
      Condition = {
        Null            = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = "false" }
        StringNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = var.kms_key_arn }
      }
    },
    {
      # With a key that the caller brings and keeps, data could be taken hostage.
      Sid       = "DenyKeysOfCallers"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObject"
      Resource  = local.object_arns[layer]
      Condition = { Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" } }
    },
  ] }

  log_delivery = { for layer in keys(local.access_logs) : layer => [
    {
      Sid       = "DeliverAccessLogs"
      Effect    = "Allow"
      Principal = { Service = "logging.s3.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = local.object_arns[layer]
      Condition = {
        ArnLike      = { "aws:SourceArn" = [for source in keys(var.bucket_names) : aws_s3_bucket.this[source].arn] }
        StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id }
      }
    },
  ] }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      local.transport_denials[each.key],
      lookup(local.encryption_denials, each.key, []),
      lookup(local.log_delivery, each.key, []),
    )
  })

  # S3 refuses two changes of a bucket's access settings at once.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
