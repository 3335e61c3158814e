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

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::demo" }
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
    condition     = alltrue([for table in aws_dynamodb_table.this : table.deletion_protection_enabled && table.point_in_time_recovery[0].enabled])
    error_message = "The tables must be backed up and protected from deletion by default."
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
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this["quality"].rule : rule.expiration[0].days if rule.id != "clean-up"] == [400, 400, 400]
    error_message = "Reports, results and quarantine must expire after retention_days.reports."
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

run "access_logs_go_to_a_bucket_of_their_own" {
  variables {
    access_log_bucket_name = "demo-test-logs"
  }

  assert {
    condition     = toset(keys(aws_s3_bucket_logging.this)) == toset(keys(var.bucket_names))
    error_message = "Every bucket of the lake must be logged, and the logs' bucket must not log itself."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this["logs"].rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "S3 delivers no access logs to a bucket that is encrypted with a KMS key."
  }

  assert {
    condition = [for statement in jsondecode(aws_s3_bucket_policy.this["logs"].policy).Statement : statement.Principal if statement.Effect == "Allow"] == [
      { Service = "logging.s3.amazonaws.com" }
    ]
    error_message = "S3's log delivery, and nobody else, must get access by the bucket's policy."
  }

  assert {
    condition     = length(output.bucket_names) == 5 && output.access_log_bucket_name != null
    error_message = "The bucket of logs is no layer of the lake."
  }
}

run "no_bucket_takes_plain_http_or_another_encryption" {
  assert {
    condition = alltrue([for policy in aws_s3_bucket_policy.this : [for statement in jsondecode(policy.policy).Statement : "${statement.Effect} ${statement.Sid}"] == [
      "Deny DenyPlainHttp", "Deny DenyOldTls", "Deny DenyOtherEncryption", "Deny DenyOtherKeys", "Deny DenyKeysOfCallers",
    ]])
    error_message = "Every bucket must deny plain HTTP, old TLS, other encryption, other keys and keys of callers, and allow nothing."
  }

  # Without Null a writer that names no encryption, and so gets the bucket's, would be refused.
  assert {
    condition = alltrue([for statement in jsondecode(aws_s3_bucket_policy.this["raw"].policy).Statement :
      try(statement.Condition.Null["s3:x-amz-server-side-encryption"] == "false" && statement.Condition.StringNotEquals["s3:x-amz-server-side-encryption"] == "aws:kms", false)
      if statement.Sid == "DenyOtherEncryption"
    ])
    error_message = "Only an encryption that is named, and is another than the bucket's, may be denied."
  }

  assert {
    condition = alltrue([for statement in jsondecode(aws_s3_bucket_policy.this["raw"].policy).Statement :
      statement.Condition.StringNotEquals["s3:x-amz-server-side-encryption-aws-kms-key-id"] == var.kms_key_arn if statement.Sid == "DenyOtherKeys"
    ])
    error_message = "Every key but the pipeline's own must be denied."
  }
}

run "by_default_there_is_neither_acceleration_nor_an_access_log" {
  command = plan

  assert {
    condition     = length(aws_s3_bucket_accelerate_configuration.raw) == 0 && length(aws_s3_bucket_logging.this) == 0
    error_message = "What costs extra must be asked for."
  }
}

run "senders_far_away_get_acceleration_on_raw" {
  command = plan

  variables {
    enable_transfer_acceleration = true
  }

  assert {
    condition     = aws_s3_bucket_accelerate_configuration.raw[0].status == "Enabled"
    error_message = "The raw bucket must be accelerated when that is asked for."
  }
}

run "raw_gets_colder_step_by_step_and_goes_when_told" {
  command = plan

  variables {
    retention_days = { raw_infrequent = 30, raw_archive = 90, raw_deep_archive = 365, raw_expire = 2555 }
  }

  assert {
    condition = one([for rule in aws_s3_bucket_lifecycle_configuration.this["raw"].rule :
      { for transition in rule.transition : transition.storage_class => transition.days } if rule.id == "archive"
    ]) == { STANDARD_IA = 30, GLACIER_IR = 90, DEEP_ARCHIVE = 365 }
    error_message = "Every step that is set must become a transition."
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.this["raw"].rule : one(rule.expiration).days if rule.id == "archive"]) == 2555
    error_message = "Raw files must expire when that is asked for."
  }
}

run "raw_without_any_step_has_no_rule_that_does_nothing" {
  command = plan

  variables {
    retention_days = { raw_archive = 0 }
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this["raw"].rule : rule.id] == ["clean-up"]
    error_message = "S3 refuses a rule without an action."
  }
}

run "steps_in_the_wrong_order_are_refused" {
  command = plan

  variables {
    retention_days = { raw_archive = 90, raw_deep_archive = 100 }
  }

  expect_failures = [var.retention_days]
}

run "an_expiry_before_the_archive_is_refused" {
  command = plan

  variables {
    retention_days = { raw_expire = 60 }
  }

  expect_failures = [var.retention_days]
}

run "old_versions_can_not_be_kept_for_ever" {
  command = plan

  variables {
    retention_days = { noncurrent = 0 }
  }

  expect_failures = [var.retention_days]
}

run "a_name_of_the_log_bucket_that_s3_refuses_is_refused" {
  command = plan

  variables {
    access_log_bucket_name = "Demo_Logs"
  }

  expect_failures = [var.access_log_bucket_name]
}

run "state_table_has_index_and_expiry" {
  command = plan

  assert {
    condition     = one(aws_dynamodb_table.this["job_state"].global_secondary_index).name == "status-updated_at-index"
    error_message = "The jobs look for batches by status on this index."
  }

  assert {
    condition     = aws_dynamodb_table.this["job_state"].ttl[0].attribute_name == "expires_at" && aws_dynamodb_table.this["job_state"].ttl[0].enabled
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

run "a_retention_of_less_than_no_days_is_refused" {
  command = plan

  variables {
    retention_days = { reports = -1 }
  }

  expect_failures = [var.retention_days]
}
