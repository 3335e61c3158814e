# The work bucket. Its lifecycle is the second net below the sweeper: whatever that misses goes after a week.
locals {
  work_bucket = var.create_work_bucket ? aws_s3_bucket.work[0].bucket : var.work_bucket_name

  # Ids begin with pr, and so do checks' own prefixes; state-… is what Lambdas keep of a check.
  expirations = {
    checks    = { prefix = "glue-health-checks/pr", days = 7 }
    state     = { prefix = "glue-health-checks/state-", days = 7 }
    manifests = { prefix = "glue-health-checks/_manifests/", days = 30 }
    reports   = { prefix = "glue-health-checks/_reports/", days = var.report_days }
  }
}

resource "aws_s3_bucket" "work" {
  #checkov:skip=CKV_AWS_18:It holds stub data and reports for days; CloudTrail's data events tell who reads it where that matters.
  #checkov:skip=CKV_AWS_21:What a check removes is to be gone; versions would keep it.
  #checkov:skip=CKV_AWS_144:Nothing in it is worth a second region.
  #checkov:skip=CKV_AWS_145:kms_key_arn encrypts it with a key of the customer where one is wanted.
  #checkov:skip=CKV2_AWS_62:Nobody waits for its objects.
  count = var.create_work_bucket ? 1 : 0

  bucket        = var.work_bucket_name
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_public_access_block" "work" {
  count = var.create_work_bucket ? 1 : 0

  bucket                  = aws_s3_bucket.work[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "work" {
  count = var.create_work_bucket ? 1 : 0

  bucket = aws_s3_bucket.work[0].id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_policy" "work" {
  count = var.create_work_bucket ? 1 : 0

  bucket = aws_s3_bucket.work[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DenyPlainHttp"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = "s3:*"
      Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.work]
}

resource "aws_s3_bucket_lifecycle_configuration" "work" {
  count = var.create_work_bucket ? 1 : 0

  bucket = aws_s3_bucket.work[0].id

  dynamic "rule" {
    for_each = local.expirations

    content {
      id     = rule.key
      status = "Enabled"

      filter {
        prefix = rule.value.prefix
      }

      expiration {
        days = rule.value.days
      }
    }
  }

  rule {
    id     = "uploads"
    status = "Enabled"

    filter {
      prefix = ""
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}
