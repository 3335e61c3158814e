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

  mock_resource "aws_kms_key" {
    defaults = {
      arn    = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
      key_id = "00000000-0000-0000-0000-000000000000"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/demo" }
  }
}

variables {
  name_prefix      = "demo-test"
  pii_secret_value = "0123456789abcdefghijklmnopqrstuvwxyz"
  bucket_arns = {
    raw       = "arn:aws:s3:::demo-test-raw"
    processed = "arn:aws:s3:::demo-test-processed"
    curated   = "arn:aws:s3:::demo-test-curated"
    quality   = "arn:aws:s3:::demo-test-quality"
    scripts   = "arn:aws:s3:::demo-test-scripts"
  }
  table_arns = {
    job_bookmarks = "arn:aws:dynamodb:us-east-1:123456789012:table/demo-test-job-bookmarks"
    job_state     = "arn:aws:dynamodb:us-east-1:123456789012:table/demo-test-job-state"
  }
  topic_arns = {
    alerts        = "arn:aws:sns:us-east-1:123456789012:demo-test-alerts"
    notifications = "arn:aws:sns:us-east-1:123456789012:demo-test-notifications"
  }
  queue_arns = {
    data_events = "arn:aws:sqs:us-east-1:123456789012:demo-test-data-events"
    job_events  = "arn:aws:sqs:us-east-1:123456789012:demo-test-job-events"
  }
  job_arns               = { data_ingestion = "arn:aws:glue:us-east-1:123456789012:job/demo-test-data-ingestion" }
  workflow_arn           = "arn:aws:glue:us-east-1:123456789012:workflow/demo-test-etl-workflow"
  database_name          = "demo_test"
  metrics_namespace      = "Demo"
  lambda_log_group_names = { data_trigger = "/aws/lambda/demo-test-data-trigger", monitoring = "/aws/lambda/demo-test-monitoring" }
}

run "every_job_and_lambda_has_a_role_of_its_own" {
  assert {
    condition     = toset(keys(aws_iam_role.this)) == toset(["data_ingestion", "data_processing", "data_quality", "data_trigger", "monitoring"])
    error_message = "There must be one role per job and per Lambda, and no other."
  }

  assert {
    condition = alltrue([for user, role in aws_iam_role.this :
      jsondecode(role.assume_role_policy).Statement[0].Principal.Service == (startswith(user, "data_") && user != "data_trigger" ? "glue.amazonaws.com" : "lambda.amazonaws.com")
    ])
    error_message = "Only its own service may use a role."
  }
}

run "no_action_is_a_wildcard" {
  assert {
    condition = alltrue(flatten([for policy in aws_iam_role_policy.this : [for statement in jsondecode(policy.policy).Statement :
      [for action in statement.Action : !strcontains(action, "*")]
    ]]))
    error_message = "Actions must be named one by one."
  }
}

run "everything_is_granted_on_named_resources_but_metrics" {
  assert {
    condition = alltrue(flatten([for policy in aws_iam_role_policy.this : [for statement in jsondecode(policy.policy).Statement :
      !contains(statement.Resource, "*") || statement.Sid == "Metrics"
    ]]))
    error_message = "Outside a VPC only PutMetricData may be granted on every resource: AWS has no other form of it."
  }
}

run "ingestion_cannot_write_raw_or_curated_data" {
  assert {
    condition = alltrue([for statement in jsondecode(aws_iam_role_policy.this["data_ingestion"].policy).Statement :
      !contains(statement.Action, "s3:PutObject") || alltrue([for resource in statement.Resource : !strcontains(resource, "-raw/") && !strcontains(resource, "-curated/")])
    ])
    error_message = "Ingestion must not be able to change raw or curated data."
  }
}

run "quality_can_only_read_the_data_it_checks" {
  assert {
    condition = alltrue([for statement in jsondecode(aws_iam_role_policy.this["data_quality"].policy).Statement :
      !contains(statement.Action, "s3:PutObject") || alltrue([for resource in statement.Resource : strcontains(resource, "-quality/") || strcontains(resource, "-scripts/tmp/")])
    ])
    error_message = "The quality job must write nothing but reports, quarantine and scratch files."
  }
}

run "the_key_rotates" {
  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key must rotate, and leave 30 days to think again about its deletion."
  }
}

run "glue_encrypts_what_it_writes_and_logs" {
  assert {
    condition     = aws_glue_security_configuration.this.encryption_configuration[0].s3_encryption[0].s3_encryption_mode == "SSE-KMS"
    error_message = "Glue must encrypt what it writes to S3."
  }

  assert {
    condition     = aws_glue_security_configuration.this.encryption_configuration[0].cloudwatch_encryption[0].cloudwatch_encryption_mode == "SSE-KMS"
    error_message = "Glue must encrypt its logs."
  }
}

run "a_vpc_adds_what_network_interfaces_need" {
  variables {
    enable_vpc = true
  }

  assert {
    condition     = contains(keys(aws_iam_role.this), "vpc_flow_logs")
    error_message = "Flow logs need a role."
  }

  assert {
    condition = alltrue([for job in ["data_ingestion", "data_processing", "data_quality"] :
      contains(jsondecode(aws_iam_role_policy.this[job].policy).Statement[*].Sid, "NetworkInterfaces")
    ])
    error_message = "Jobs in a VPC must be able to make network interfaces."
  }
}

run "a_deletion_window_that_kms_refuses_is_refused" {
  command = plan

  variables {
    kms_deletion_window_days = 3
  }

  expect_failures = [var.kms_deletion_window_days]
}

run "the_secret_for_personal_data_is_encrypted_and_can_be_restored" {
  assert {
    condition     = aws_secretsmanager_secret.pii.name == "demo-test-pii" && aws_secretsmanager_secret.pii.kms_key_id == aws_kms_key.this.arn
    error_message = "The secret must carry the prefix, and be encrypted with the pipeline's key."
  }

  assert {
    condition     = aws_secretsmanager_secret.pii.recovery_window_in_days == 30
    error_message = "A secret that was deleted by mistake must be restorable: tokens can't be resolved without it."
  }
}

run "the_secret_s_value_stands_in_no_state" {
  assert {
    condition     = aws_secretsmanager_secret_version.pii.secret_string_wo == null && aws_secretsmanager_secret_version.pii.secret_string_wo_version == 1
    error_message = "The value must go to Secrets Manager by the write-only argument alone."
  }
}

run "a_short_secret_is_refused" {
  command = plan

  variables {
    pii_secret_value = "short"
  }

  expect_failures = [var.pii_secret_value]
}

run "processing_alone_reads_the_secret" {
  assert {
    condition     = [for user, policy in aws_iam_role_policy.this : user if strcontains(policy.policy, "secretsmanager:")] == ["data_processing"]
    error_message = "No other role may have anything to do with Secrets Manager."
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.this["data_processing"].policy).Statement :
      "${join(",", statement.Action)} ${join(",", statement.Resource)}" if statement.Sid == "ReadSecrets"
    ] == ["secretsmanager:GetSecretValue ${aws_secretsmanager_secret.pii.arn}"]
    error_message = "Processing may read this secret's value, and nothing more."
  }
}

run "processing_removes_processed_batches_and_writes_none" {
  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.this["data_processing"].policy).Statement :
      statement.Action if contains(statement.Resource, "arn:aws:s3:::demo-test-processed/*") && statement.Sid != "ReadObjects"
    ] == [["s3:DeleteObject"]]
    error_message = "Maintenance deletes batches; nothing in processing may change one."
  }

  assert {
    condition = [for resource in one([for statement in jsondecode(aws_iam_role_policy.this["data_processing"].policy).Statement :
      statement.Resource if statement.Sid == "WriteObjects"
      ]) : resource if strcontains(resource, "-processed/")] == [
      "arn:aws:s3:::demo-test-processed/_staging/*", "arn:aws:s3:::demo-test-processed/*_$folder$", "arn:aws:s3:::demo-test-processed/*/",
    ]
    error_message = "In processed it writes copies of reference files and markers of empty folders, and no data."
  }

  assert {
    condition     = [for user, policy in aws_iam_role_policy.this : user if strcontains(policy.policy, "glue:BatchDeletePartition")] == ["data_processing"]
    error_message = "Processing alone takes partitions away."
  }
}

run "a_recovery_window_that_secrets_manager_refuses_is_refused" {
  command = plan

  variables {
    secret_recovery_window_days = 3
  }

  expect_failures = [var.secret_recovery_window_days]
}

run "a_version_of_the_secret_that_is_no_whole_number_is_refused" {
  command = plan

  variables {
    pii_secret_version = 1.5
  }

  expect_failures = [var.pii_secret_version]
}
