mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  bucket_names = {
    raw       = "demo-test-raw"
    processed = "demo-test-processed"
    curated   = "demo-test-curated"
    quality   = "demo-test-quality"
    scripts   = "demo-test-scripts"
  }
  table_names = {
    job_bookmarks = "demo-test-job-bookmarks"
    job_state     = "demo-test-job-state"
  }
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
}

run "every_bucket_is_private_versioned_and_encrypted" {
  command = plan

  assert {
    condition     = toset([for bucket in aws_s3_bucket.this : bucket.bucket]) == toset(values(var.bucket_names))
    error_message = "There must be one bucket for each layer, under the name given."
  }

  assert {
    condition     = alltrue([for block in aws_s3_bucket_public_access_block.this : block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets])
    error_message = "Every bucket must block all public access."
  }

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket_versioning.this : bucket.versioning_configuration[0].status == "Enabled"])
    error_message = "Every bucket must keep old versions."
  }

  assert {
    condition = alltrue(flatten([for bucket in aws_s3_bucket_server_side_encryption_configuration.this : [for rule in bucket.rule :
      rule.bucket_key_enabled && rule.apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn
    ]]))
    error_message = "Every bucket must encrypt with the key given, by a bucket key."
  }

  assert {
    condition     = length(aws_s3_bucket_policy.this) == 5 && length(aws_s3_bucket_ownership_controls.this) == 5
    error_message = "Every bucket must have a policy and enforce its owner."
  }
}

run "data_is_protected_unless_asked_otherwise" {
  command = plan

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.this : !bucket.force_destroy])
    error_message = "A bucket with objects must survive a destroy by default."
  }

  assert {
    condition     = aws_dynamodb_table.job_state.deletion_protection_enabled && aws_dynamodb_table.job_bookmarks.deletion_protection_enabled
    error_message = "The tables must be protected from deletion by default."
  }
}

run "lifecycle_rules_follow_the_layer" {
  command = plan

  variables {
    retention_days = { reports = 400 }
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this["curated"].rule : rule.id] == ["clean-up"]
    error_message = "Curated data belongs to Iceberg: nothing but old versions and broken uploads may expire there."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this["quality"].rule : rule.expiration[0].days if rule.id != "clean-up"] == [400, 400]
    error_message = "Reports and quarantine must expire after retention_days.reports."
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.this["raw"].rule : one(rule.transition).storage_class if rule.id == "archive"]) == "GLACIER_IR"
    error_message = "Raw files must be archived, not deleted."
  }
}

run "raw_sends_its_events_to_eventbridge" {
  command = plan

  assert {
    condition     = aws_s3_bucket_notification.raw.eventbridge
    error_message = "Without EventBridge no new file starts the workflow."
  }
}

run "state_table_has_index_and_expiry" {
  command = plan

  assert {
    condition     = one(aws_dynamodb_table.job_state.global_secondary_index).name == "status-updated_at-index"
    error_message = "The jobs look for batches by status on this index."
  }

  assert {
    condition     = aws_dynamodb_table.job_state.ttl[0].attribute_name == "expires_at" && aws_dynamodb_table.job_state.ttl[0].enabled
    error_message = "Items with expires_at must expire."
  }
}

run "a_missing_layer_is_refused" {
  command = plan

  variables {
    bucket_names = { raw = "demo-test-raw" }
  }

  expect_failures = [var.bucket_names]
}

run "a_bucket_name_that_s3_refuses_is_refused" {
  command = plan

  variables {
    bucket_names = {
      raw       = "Demo_Raw"
      processed = "demo-test-processed"
      curated   = "demo-test-curated"
      quality   = "demo-test-quality"
      scripts   = "demo-test-scripts"
    }
  }

  expect_failures = [var.bucket_names]
}

run "an_early_move_to_infrequent_access_is_refused" {
  command = plan

  variables {
    retention_days = { infrequent = 10 }
  }

  expect_failures = [var.retention_days]
}

run "a_retention_of_no_days_is_refused" {
  command = plan

  variables {
    retention_days = { temporary = 0 }
  }

  expect_failures = [var.retention_days]
}
