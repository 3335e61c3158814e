# The two tables of state: what sets one apart from the other.
locals {
  tables = {
    job_bookmarks = { hash_key = "source", range_key = "object_key", index = null, expiry = null }
    job_state = {
      hash_key  = "entity"
      range_key = "id"
      # The jobs look for batches by their state, oldest first.
      index  = { name = "status-updated_at-index", hash_key = "status", range_key = "updated_at" }
      expiry = "expires_at"
    }
  }
}

resource "aws_dynamodb_table" "this" {
  #checkov:skip=CKV_AWS_28:point_in_time_recovery is on by default; an environment that may be thrown away turns it off.
  for_each = local.tables

  name                        = var.table_names[each.key]
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = each.value.hash_key
  range_key                   = each.value.range_key
  deletion_protection_enabled = var.deletion_protection

  dynamic "attribute" {
    for_each = toset(compact(flatten([[each.value.hash_key, each.value.range_key], [for index in each.value.index[*] : [index.hash_key, index.range_key]]])))

    content {
      name = attribute.value
      type = "S"
    }
  }

  dynamic "global_secondary_index" {
    for_each = each.value.index[*]

    content {
      name            = global_secondary_index.value.name
      hash_key        = global_secondary_index.value.hash_key
      range_key       = global_secondary_index.value.range_key
      projection_type = "ALL"
    }
  }

  dynamic "ttl" {
    for_each = each.value.expiry[*]

    content {
      attribute_name = ttl.value
      enabled        = true
    }
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
}

moved {
  from = aws_dynamodb_table.job_bookmarks
  to   = aws_dynamodb_table.this["job_bookmarks"]
}

moved {
  from = aws_dynamodb_table.job_state
  to   = aws_dynamodb_table.this["job_state"]
}
