locals {
  # What sets one layer apart from the others. Curated data has no rule of its own: Iceberg looks
  # after the age of its files itself, and a lifecycle rule would delete files a table still needs.
  lifecycle_rules = {
    raw = [
      { id = "archive", prefix = "data/", transition_days = var.retention_days.raw_archive, storage_class = "GLACIER_IR" },
    ]
    processed = [
      { id = "infrequent-access", prefix = "", transition_days = var.retention_days.infrequent, storage_class = "STANDARD_IA" },
    ]
    curated = []
    quality = [
      { id = "expire-reports", prefix = "reports/", expiration_days = var.retention_days.reports },
      { id = "expire-quarantine", prefix = "quarantine/", expiration_days = var.retention_days.reports },
    ]
    scripts = [
      { id = "expire-temporary", prefix = "tmp/", expiration_days = var.retention_days.temporary },
    ]
  }
}

resource "aws_s3_bucket" "this" {
  for_each = var.bucket_names

  bucket        = each.value
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    # One data key per bucket instead of one per object: a hundredth of the KMS requests.
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

data "aws_iam_policy_document" "tls_only" {
  for_each = aws_s3_bucket.this

  statement {
    sid     = "DenyPlainHttp"
    effect  = "Deny"
    actions = ["s3:*"]
    resources = [
      each.value.arn,
      "${each.value.arn}/*",
    ]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id
  policy = data.aws_iam_policy_document.tls_only[each.key].json

  # S3 refuses two changes of a bucket's access settings at once.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    id     = "clean-up"
    status = "Enabled"

    filter {
      prefix = ""
    }

    noncurrent_version_expiration {
      noncurrent_days = var.retention_days.noncurrent
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = var.retention_days.uploads
    }
  }

  dynamic "rule" {
    for_each = local.lifecycle_rules[each.key]

    content {
      id     = rule.value.id
      status = "Enabled"

      filter {
        prefix = rule.value.prefix
      }

      dynamic "transition" {
        for_each = try([rule.value.transition_days], [])

        content {
          days          = transition.value
          storage_class = rule.value.storage_class
        }
      }

      dynamic "expiration" {
        for_each = try([rule.value.expiration_days], [])

        content {
          days = expiration.value
        }
      }
    }
  }

  # Rules on old versions need versioning to be on.
  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_notification" "raw" {
  bucket      = aws_s3_bucket.this["raw"].id
  eventbridge = true
}

resource "aws_dynamodb_table" "job_bookmarks" {
  name                        = var.table_names.job_bookmarks
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "source"
  range_key                   = "object_key"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "source"
    type = "S"
  }

  attribute {
    name = "object_key"
    type = "S"
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
}

resource "aws_dynamodb_table" "job_state" {
  name                        = var.table_names.job_state
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "entity"
  range_key                   = "id"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "entity"
    type = "S"
  }

  attribute {
    name = "id"
    type = "S"
  }

  attribute {
    name = "status"
    type = "S"
  }

  attribute {
    name = "updated_at"
    type = "S"
  }

  global_secondary_index {
    name            = "status-updated_at-index"
    hash_key        = "status"
    range_key       = "updated_at"
    projection_type = "ALL"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
}
