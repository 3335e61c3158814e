# Glue's own care for Iceberg tables, instead of the maintenance of the processing job.
data "aws_caller_identity" "current" {}

locals {
  optimizers = merge([for table, wanted in var.table_optimizers : merge(
    wanted.compaction ? { "${table} compaction" = { table = table, type = "compaction", days = null } } : {},
    wanted.snapshot_retention_days != null ? { "${table} retention" = { table = table, type = "retention", days = wanted.snapshot_retention_days } } : {},
    wanted.orphan_retention_days != null ? { "${table} orphans" = { table = table, type = "orphan_file_deletion", days = wanted.orphan_retention_days } } : {},
  )]...)
}

resource "aws_glue_catalog_table_optimizer" "this" {
  for_each = local.optimizers

  catalog_id    = data.aws_caller_identity.current.account_id
  database_name = aws_glue_catalog_database.this.name
  table_name    = each.value.table
  type          = each.value.type

  configuration {
    role_arn = var.table_optimizer_role_arn
    enabled  = true

    dynamic "retention_configuration" {
      for_each = each.value.type == "retention" ? [each.value.days] : []

      content {
        iceberg_configuration {
          snapshot_retention_period_in_days = retention_configuration.value
          number_of_snapshots_to_retain     = 1
          clean_expired_files               = true
        }
      }
    }

    dynamic "orphan_file_deletion_configuration" {
      for_each = each.value.type == "orphan_file_deletion" ? [each.value.days] : []

      content {
        iceberg_configuration {
          orphan_file_retention_period_in_days = orphan_file_deletion_configuration.value
        }
      }
    }
  }
  lifecycle {
    precondition {
      condition     = each.value.type != "compaction" || try(local.contracts[each.value.table].quality.publish, "at_once") != "after_quality"
      error_message = "${each.value.table} has publish: after_quality, and compaction by Glue would stand in the way of publishing its rows. Say compaction = false; the maintenance of the processing job compacts it whenever no rows wait."
    }
  }
}
