# The buckets of the lake, and the one that keeps the log of who read and wrote them.
# What lies in them for how long is in lifecycle.tf, who may not reach them in policies.tf.
locals {
  access_logs = var.access_log_bucket_name == null ? {} : { logs = var.access_log_bucket_name }

  buckets = merge(var.bucket_names, local.access_logs)
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:Every bucket is logged into "logs" (aws_s3_bucket_logging); that one itself can't be, or each line would make the next.
  #checkov:skip=CKV_AWS_144:Everything can be made again from raw, which lies in three zones; a second region is a decision about cost and law, not a default.
  #checkov:skip=CKV_AWS_145:Every bucket has its KMS key, but "logs": S3 delivers access logs to buckets encrypted with its own key only.
  #checkov:skip=CKV2_AWS_62:New objects start something in "raw" only, whose notification is below.
  for_each = local.buckets

  bucket        = each.value
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this

  bucket = aws_s3_bucket.this[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    # One data key per bucket instead of one per object: a hundredth of the KMS requests.
    bucket_key_enabled = each.key != "logs"

    apply_server_side_encryption_by_default {
      sse_algorithm     = each.key == "logs" ? "AES256" : "aws:kms"
      kms_master_key_id = each.key == "logs" ? null : var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_logging" "this" {
  for_each = { for layer, name in var.bucket_names : layer => name if var.access_log_bucket_name != null }

  bucket        = aws_s3_bucket.this[each.key].id
  target_bucket = aws_s3_bucket.this["logs"].id
  target_prefix = "${each.key}/"

  # By day of the request, so that Athena can read one day of it.
  target_object_key_format {
    partitioned_prefix {
      partition_date_source = "EventTime"
    }
  }

  # S3 tries whether it may write there.
  depends_on = [aws_s3_bucket_policy.this]
}

resource "aws_s3_bucket_notification" "raw" {
  bucket      = aws_s3_bucket.this["raw"].id
  eventbridge = true
}

resource "aws_s3_bucket_accelerate_configuration" "raw" {
  count = var.enable_transfer_acceleration ? 1 : 0

  bucket = aws_s3_bucket.this["raw"].id
  status = "Enabled"
}
