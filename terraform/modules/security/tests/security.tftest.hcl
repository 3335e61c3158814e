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
    performance   = "arn:aws:sns:us-east-1:123456789012:demo-test-performance"
    system_health = "arn:aws:sns:us-east-1:123456789012:demo-test-system-health"
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
    condition = alltrue([for user, role in aws_iam_role.this : !can(jsondecode(role.assume_role_policy).Statement[1]) &&
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

run "quality_writes_reports_and_what_it_publishes" {
  assert {
    condition = alltrue([for statement in jsondecode(aws_iam_role_policy.this["data_quality"].policy).Statement :
      !contains(statement.Action, "s3:PutObject") || alltrue([for resource in statement.Resource : !strcontains(resource, "-raw/") && !strcontains(resource, "-processed/")])
    ])
    error_message = "The quality job must be able to change neither raw nor processed data."
  }
}

run "the_keys_rotate" {
  assert {
    condition     = alltrue([for key in aws_kms_key.this : key.enable_key_rotation && key.rotation_period_in_days == 365 && key.deletion_window_in_days == 30])
    error_message = "The keys must rotate every year, and leave 30 days to think again about their deletion."
  }
}

run "no_service_may_use_the_key_of_the_data" {
  assert {
    condition     = alltrue([for statement in jsondecode(aws_kms_key.this["data"].policy).Statement : keys(statement.Principal) == ["AWS"]])
    error_message = "The data's key must be there for principals of this account alone."
  }

  assert {
    condition = alltrue([for statement in jsondecode(aws_kms_key.this["telemetry"].policy).Statement :
      contains(keys(statement.Principal), "AWS") || try(length(statement.Condition) > 0, false)
    ])
    error_message = "A service may use the telemetry key only for this account's log groups and topics."
  }
}

run "no_action_of_a_key_s_policy_is_a_wildcard" {
  assert {
    condition = alltrue(flatten([for key in aws_kms_key.this : [for statement in jsondecode(key.policy).Statement :
      [for action in statement.Action : !strcontains(action, "*")]
    ]]))
    error_message = "Actions must be named one by one."
  }

  assert {
    condition     = contains(flatten([for statement in jsondecode(aws_kms_key.this["data"].policy).Statement : statement.Action]), "kms:PutKeyPolicy")
    error_message = "Without PutKeyPolicy nobody could ever change the key again."
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
    enable_vpc         = true
    service_roles      = ["vpc_flow_logs"]
    subnet_ids         = ["subnet-1"]
    vpc_id             = "vpc-1"
    security_group_ids = ["sg-1"]
  }

  assert {
    condition     = contains(keys(aws_iam_role.this), "vpc_flow_logs")
    error_message = "Flow logs need a role."
  }

  assert {
    condition = alltrue([for job in ["data_ingestion", "data_processing", "data_quality"] : [for statement in jsondecode(aws_iam_role_policy.network[job].policy).Statement :
      statement.Resource if statement.Sid == "CreateNetworkInterfaces"
      ] == [[
        "arn:aws:ec2:us-east-1:123456789012:network-interface/*", "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-1",
        "arn:aws:ec2:us-east-1:123456789012:security-group/sg-1",
    ]]])
    error_message = "Jobs in a VPC must be able to make network interfaces in its subnets, and nowhere else."
  }
}

run "services_get_roles_when_they_are_switched_on" {
  variables {
    service_roles = ["crawler", "streaming", "table_optimizer"]
  }

  assert {
    condition     = { for role in ["crawler", "streaming", "table_optimizer"] : role => jsondecode(aws_iam_role.this[role].assume_role_policy).Statement[0].Principal.Service } == { crawler = "glue.amazonaws.com", streaming = "firehose.amazonaws.com", table_optimizer = "glue.amazonaws.com" }
    error_message = "Each service must get a role that it alone may use."
  }

  assert {
    condition     = jsondecode(aws_iam_role.this["streaming"].assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    error_message = "Firehose may use the role for streams of this account only."
  }

  assert {
    condition = alltrue([for statement in jsondecode(aws_iam_role_policy.this["crawler"].policy).Statement :
      length(setintersection(statement.Action, ["s3:PutObject", "s3:DeleteObject"])) == 0
    ])
    error_message = "A crawler must not be able to change what it looks at."
  }
}

run "an_unknown_service_gets_no_role" {
  command = plan

  variables {
    service_roles = ["notebook"]
  }

  expect_failures = [var.service_roles]
}

run "a_boundary_bounds_every_role" {
  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.this : role.permissions_boundary == var.permissions_boundary_arn])
    error_message = "No role may be left outside the boundary."
  }
}

run "a_boundary_that_is_no_policy_is_refused" {
  command = plan

  variables {
    permissions_boundary_arn = "boundary"
  }

  expect_failures = [var.permissions_boundary_arn]
}

run "a_connector_s_secret_is_read_by_the_jobs_named_and_no_other" {
  variables {
    connector_secrets = { shop = { description = "The shop's database", rotation = { lambda_arn = "arn:aws:lambda:us-east-1:123456789012:function:rotate" } } }
  }

  override_resource {
    target = aws_secretsmanager_secret.connector["shop"]
    values = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:demo-test-connector-shop-a1b2c3" }
  }

  assert {
    condition     = [for user, policy in aws_iam_role_policy.this : user if strcontains(policy.policy, "connector-shop")] == ["data_ingestion"]
    error_message = "Ingestion, and nobody else, must be able to read it."
  }

  assert {
    condition     = aws_secretsmanager_secret.connector["shop"].kms_key_id == aws_kms_key.this["data"].arn && aws_secretsmanager_secret_rotation.connector["shop"].rotation_rules[0].automatically_after_days == 30
    error_message = "It must be encrypted with the data's key, and rotate by the Lambda given."
  }
}

run "a_connector_s_secret_for_an_unknown_job_is_refused" {
  command = plan

  variables {
    connector_secrets = { shop = { description = "The shop's database", jobs = ["export"] } }
  }

  expect_failures = [var.connector_secrets]
}

run "a_rotation_of_a_connector_s_secret_that_is_too_rare_is_refused" {
  command = plan

  variables {
    connector_secrets = { shop = { description = "The shop's database", rotation = { lambda_arn = "arn:aws:lambda:us-east-1:123456789012:function:rotate", days = 365 } } }
  }

  expect_failures = [var.connector_secrets]
}

run "a_name_of_a_connector_s_secret_that_is_none_is_refused" {
  command = plan

  variables {
    connector_secrets = { "The shop" = { description = "The shop's database" } }
  }

  expect_failures = [var.connector_secrets]
}

run "a_rotation_that_kms_refuses_is_refused" {
  command = plan

  variables {
    kms_rotation_days = 30
  }

  expect_failures = [var.kms_rotation_days]
}

run "missing_topics_are_refused" {
  command = plan

  variables {
    topic_arns = { alerts = "arn:aws:sns:us-east-1:123456789012:demo-test-alerts" }
  }

  expect_failures = [var.topic_arns]
}

run "traces_are_sent_only_when_asked_for" {
  variables {
    enable_lambda_tracing = true
  }

  assert {
    condition     = [for user, policy in aws_iam_role_policy.this : user if strcontains(policy.policy, "xray:")] == ["data_trigger", "monitoring"]
    error_message = "Lambdas, and no jobs, send traces."
  }
}

run "the_trigger_reads_and_removes_new_files_only_where_the_scan_is_to" {
  command = plan

  assert {
    condition     = !strcontains(jsonencode(local.lambda_grants.data_trigger), "Object")
    error_message = "Without a scan the trigger must not read an object, nor write or delete one."
  }
}

run "the_trigger_that_reports_only_reads" {
  command = plan

  variables {
    incoming_scan = "report"
  }

  assert {
    condition     = [for statement in local.scan_grants : statement.Sid] == ["ScanObjects"] && contains([for statement in local.lambda_grants.data_trigger : statement.Sid], "ScanObjects")
    error_message = "A scan that reports must be able to read, and to do no more."
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
    condition     = aws_secretsmanager_secret.pii.name == "demo-test-pii" && aws_secretsmanager_secret.pii.kms_key_id == aws_kms_key.this["data"].arn
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
