# How long what lies where.
locals {
  # Colder as it gets older; a step of 0 days is left out.
  raw_tiers = [
    { storage_class = "STANDARD_IA", days = var.retention_days.raw_infrequent },
    { storage_class = "GLACIER_IR", days = var.retention_days.raw_archive },
    { storage_class = "DEEP_ARCHIVE", days = var.retention_days.raw_deep_archive },
  ]

  processed_tiers = [{ storage_class = "STANDARD_IA", days = var.retention_days.infrequent }]

  # What sets one layer apart from the others. Curated data has no rule of its own: Iceberg looks
  # after the age of its files itself, and a lifecycle rule would delete files a table still needs.
  lifecycle_rules = {
    raw       = [{ id = "archive", prefix = "data/", tiers = local.raw_tiers, expiration_days = var.retention_days.raw_expire }]
    processed = [{ id = "infrequent-access", prefix = "", tiers = local.processed_tiers, expiration_days = 0 }]
    curated   = []
    quality = [
      { id = "expire-reports", prefix = "reports/", tiers = [], expiration_days = var.retention_days.reports },
      { id = "expire-results", prefix = "results/", tiers = [], expiration_days = var.retention_days.reports },
      { id = "expire-quarantine", prefix = "quarantine/", tiers = [], expiration_days = var.retention_days.reports },
    ]
    scripts = [{ id = "expire-temporary", prefix = "tmp/", tiers = [], expiration_days = var.retention_days.temporary }]
    logs    = [{ id = "expire-logs", prefix = "", tiers = [], expiration_days = var.retention_days.access_logs }]
  }

  # S3 refuses a rule that does nothing.
  acting_rules = { for layer, rules in local.lifecycle_rules : layer => [
    for rule in rules : merge(rule, { tiers = [for tier in rule.tiers : tier if tier.days > 0] })
    if rule.expiration_days > 0 || anytrue([for tier in rule.tiers : tier.days > 0])
  ] }
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

    # A delete marker without a version behind it only slows listings down.
    dynamic "expiration" {
      for_each = anytrue([for rule in local.acting_rules[each.key] : rule.prefix == "" && rule.expiration_days > 0]) ? [] : [true]

      content {
        expired_object_delete_marker = expiration.value
      }
    }

    noncurrent_version_expiration {
      noncurrent_days = var.retention_days.noncurrent
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = var.retention_days.uploads
    }
  }

  dynamic "rule" {
    for_each = local.acting_rules[each.key]

    content {
      id     = rule.value.id
      status = "Enabled"

      filter {
        prefix = rule.value.prefix
      }

      dynamic "transition" {
        for_each = rule.value.tiers

        content {
          days          = transition.value.days
          storage_class = transition.value.storage_class
        }
      }

      dynamic "expiration" {
        for_each = rule.value.expiration_days > 0 ? [rule.value.expiration_days] : []

        content {
          days = expiration.value
        }
      }
    }
  }

  # Rules on old versions need versioning to be on.
  depends_on = [aws_s3_bucket_versioning.this]
}
