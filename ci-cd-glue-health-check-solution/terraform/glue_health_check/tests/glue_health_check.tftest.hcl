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

  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:us-east-1:123456789012:rule/demo" }
  }

  mock_resource "aws_dynamodb_table" {
    defaults = { arn = "arn:aws:dynamodb:us-east-1:123456789012:table/demo-records" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/demo-job" }
  }

  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:us-east-1:123456789012:function:demo" }
  }

  mock_resource "aws_lambda_layer_version" {
    defaults = { arn = "arn:aws:lambda:us-east-1:123456789012:layer:demo:1" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = {
      arn = "arn:aws:sqs:us-east-1:123456789012:demo"
      url = "https://sqs.us-east-1.amazonaws.com/123456789012/demo"
    }
  }
}

variables {
  work_bucket_name = "demo-work"
  build_dir        = "tests/fixtures"
}

run "what_can_reach_others_is_off_and_everything_has_its_dead_letters_logs_and_senders" {
  assert {
    condition     = length(aws_lambda_function_url.webhook) == 0 && output.webhook_url == null && toset(keys(aws_lambda_function.this)) == toset(["trigger", "monitor", "cleanup"])
    error_message = "The webhook must be off unless somebody asks for it."
  }

  assert {
    condition     = toset(keys(aws_sqs_queue.dead_letter)) == toset(["events", "sweeps"]) && aws_cloudwatch_event_target.sweeps.dead_letter_config[0].arn != ""
    error_message = "What can't be delivered must be kept."
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 365])
    error_message = "Logs must not be kept for ever."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this["events"].event_pattern).detail.jobName == [{ prefix = "glue-hc-" }]
    error_message = "Only events of health checks' jobs may reach the monitor."
  }

  assert {
    condition     = { for rule in aws_s3_bucket_lifecycle_configuration.work[0].rule : rule.id => rule.expiration[0].days if length(rule.expiration) > 0 }["checks"] == 7
    error_message = "What the sweeper misses must go by the bucket's lifecycle."
  }

  assert {
    condition     = output.ci_environment.LAMBDA_TRIGGER_FUNCTION == "glue-health-check-trigger" && output.ci_environment.SCRIPT_LOCATION == "s3://demo-work/"
    error_message = "CI must be told what to set."
  }

  assert {
    condition = jsondecode(aws_sqs_queue.this["events"].policy).Statement[0].Condition == {
      ArnEquals = { "aws:SourceArn" = "arn:aws:events:us-east-1:123456789012:rule/glue-health-check-events" }
    }
    error_message = "Nobody's rule but ours may send events."
  }

  assert {
    condition     = alltrue([for queue in concat(values(aws_sqs_queue.this), values(aws_sqs_queue.dead_letter)) : contains(jsondecode(queue.policy).Statement[*].Sid, "DenyPlainHttp")])
    error_message = "Queues must refuse plain HTTP."
  }
}

run "rights_are_held_to_what_checks_make" {
  assert {
    condition = alltrue(flatten([for policy in concat(values(aws_iam_role_policy.lambda)[*].policy, aws_iam_role_policy.job[*].policy) : [
      for statement in jsondecode(policy).Statement : [for action in statement.Action : !strcontains(action, "*")]
    ]]))
    error_message = "No policy may have an action with *."
  }

  assert {
    condition = toset(flatten([for policy in concat(values(aws_iam_role_policy.lambda)[*].policy, aws_iam_role_policy.job[*].policy) : [
      for statement in jsondecode(policy).Statement : statement.Action if contains(statement.Resource, "*")
    ]])) == toset(["cloudwatch:PutMetricData", "dynamodb:ListTables", "glue:ListJobs", "s3:ListAllMyBuckets"])
    error_message = "Only what AWS holds to no resource may have the resource *."
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.lambda["trigger"].policy).Statement : statement if contains(statement.Action, "iam:PassRole")] == [{
      Sid       = "GiveRoles", Effect = "Allow", Action = ["iam:PassRole"], Resource = ["arn:aws:iam::123456789012:role/demo-job"]
      Condition = { StringEquals = { "iam:PassedToService" = "glue.amazonaws.com" } }
    }]
    error_message = "The trigger may give Glue the job's role, and nothing else."
  }

  assert {
    condition     = length([for name in ["monitor", "cleanup"] : name if strcontains(aws_iam_role_policy.lambda[name].policy, "PassRole") || strcontains(aws_iam_role_policy.lambda[name].policy, "CreateJob")]) == 0
    error_message = "Only the trigger makes jobs."
  }

  assert {
    condition = alltrue([for statement in jsondecode(aws_iam_role_policy.job[0].policy).Statement : alltrue([
      for arn in statement.Resource : strcontains(arn, "glue-hc-") || strcontains(arn, "glue-health-checks/pr*")
    ]) if contains(statement.Action, "s3:PutObject")])
    error_message = "A temporary job may write only to its own buckets and prefixes."
  }
}

run "an_enabled_webhook_has_an_address_and_may_only_fill_its_queue" {
  variables {
    webhook = {
      enabled      = true
      repositories = { "octo-org/jobs" = ["health-check.yml"] }
      secret_arn   = "arn:aws:secretsmanager:us-east-1:123456789012:secret:webhook-AbCdEf"
    }
  }

  assert {
    condition     = aws_lambda_function_url.webhook[0].authorization_type == "NONE" && toset(keys(aws_lambda_event_source_mapping.this)) == toset(["events", "requests"])
    error_message = "GitHub must reach the webhook, and its requests the trigger."
  }

  assert {
    condition = toset(flatten(jsondecode(aws_iam_role_policy.lambda["webhook"].policy).Statement[*].Action)) == toset([
      "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "logs:CreateLogStream", "logs:PutLogEvents",
      "secretsmanager:GetSecretValue", "sqs:SendMessage",
    ])
    error_message = "What the world reaches may do next to nothing."
  }

  assert {
    condition     = jsondecode(aws_lambda_function.this["webhook"].environment[0].variables.REPOSITORIES) == { "octo-org/jobs" = ["health-check.yml"] }
    error_message = "The webhook must know its repositories."
  }
}

run "a_key_of_the_customer_encrypts_everything" {
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  }

  assert {
    condition = alltrue(concat(
      [for group in aws_cloudwatch_log_group.this : group.kms_key_id == var.kms_key_arn],
      [for lambda in aws_lambda_function.this : lambda.kms_key_arn == var.kms_key_arn],
      [for rule in aws_s3_bucket_server_side_encryption_configuration.work[0].rule : rule.apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn],
      [aws_dynamodb_table.records.server_side_encryption[0].kms_key_arn == var.kms_key_arn],
    ))
    error_message = "Bucket, table, logs and variables must have the key."
  }
}

run "a_bucket_that_is_found_keeps_its_settings" {
  variables {
    create_work_bucket = false
    create_job_role    = false
  }

  assert {
    condition     = length(aws_s3_bucket.work) + length(aws_s3_bucket_lifecycle_configuration.work) + length(aws_s3_bucket_policy.work) == 0
    error_message = "A bucket of others must not be changed."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.lambda["trigger"].policy, "PassRole")
    error_message = "Without a role to give there must be no right to give one."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name_prefix        = "glue-hc-mine"
    work_bucket_name   = "Work"
    architecture       = "mips"
    lambda_runtime     = "python3.9"
    passable_role_arns = ["*"]
    library_arns       = ["arn:aws:s3:::acme"]
    webhook            = { enabled = true, repositories = { "octo-org/jobs" = ["health-check.yml"] } }
    github_api_url     = "http://github.example.com"
    sweep_schedule     = "hourly"
    sweep_minutes      = 5
    report_days        = 1
    log_retention_days = 15
    log_level          = "LOUD"
  }

  expect_failures = [
    var.name_prefix, var.work_bucket_name, var.architecture, var.lambda_runtime, var.passable_role_arns, var.library_arns, var.webhook,
    var.github_api_url, var.sweep_schedule, var.sweep_minutes, var.report_days, var.log_retention_days, var.log_level,
  ]
}

run "a_webhook_s_repositories_must_name_check_files" {
  command = plan

  variables {
    webhook = { repositories = { "octo-org/jobs" = ["/etc/passwd"] } }
  }

  expect_failures = [var.webhook]
}
