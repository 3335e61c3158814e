mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name_prefix = "demo-test"
  connectors = {
    shop_orders = "{\"name\":\"shop_orders\",\"dataset\":\"orders\",\"schedule\":\"rate(15 minutes)\",\"rest\":{\"url\":\"https://api.example.com\"}}"
    by_hand     = "{\"name\":\"by_hand\",\"dataset\":\"orders\",\"rest\":{\"url\":\"https://api.example.com\"}}"
    stock       = "{\"name\":\"stock\",\"dataset\":\"stock\",\"schedule\":\"cron(30 1 * * ? *)\",\"database\":{\"url\":\"postgresql://db/shop\",\"table\":\"stock\",\"key\":[\"id\"]}}"
  }
  api_loader = {
    name           = "demo-test-api-connector"
    zip            = "tests/fixtures/api_connector.zip"
    role_arn       = "arn:aws:iam::123456789012:role/demo-test-api-connector"
    log_group_name = "/aws/lambda/demo-test-api-connector"
  }
  database_loader = {
    name     = "demo-test-database-ingestion"
    script   = "tests/fixtures/database_ingestion.py"
    wheel    = "tests/fixtures/connectors-1-py3-none-any.whl"
    role_arn = "arn:aws:iam::123456789012:role/demo-test-database-ingestion"
  }
  queue_name             = "demo-test-connectors"
  queue_arn              = "arn:aws:sqs:us-east-1:123456789012:demo-test-connectors"
  raw_bucket_name        = "demo-test-raw"
  scripts_bucket_name    = "demo-test-scripts"
  state_table_name       = "demo-test-job-state"
  secret_prefix          = "demo-test-connector-"
  telemetry_key_arn      = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  security_configuration = "demo-test-security"
  metrics_namespace      = "Demo"
}

run "each_kind_of_source_gets_its_loader" {
  command = plan

  assert {
    condition     = aws_s3_object.connector["stock"].key == "config/connectors/stock.json" && length(aws_s3_object.connector) == 3
    error_message = "Every connector must be published where its loader looks for it."
  }

  assert {
    condition     = keys(aws_cloudwatch_event_rule.this) == ["shop_orders"] && keys(aws_glue_trigger.this) == ["stock"]
    error_message = "An API with a schedule must get a rule, a database a trigger, and one without a schedule neither."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_target.this["shop_orders"].input).connector == "shop_orders" && aws_glue_trigger.this["stock"].actions[0].arguments["--connector"] == "stock"
    error_message = "A schedule must name its connector."
  }

  assert {
    condition     = aws_sqs_queue.this["this"].visibility_timeout_seconds == 5400 && aws_lambda_event_source_mapping.this["this"].batch_size == 1
    error_message = "A message must stay away while its load runs, and a call must load one connector."
  }

  assert {
    condition     = aws_glue_job.this["this"].command[0].name == "pythonshell" && aws_glue_job.this["this"].command[0].python_version == "3.9" && aws_glue_job.this["this"].max_capacity == 0.0625
    error_message = "Databases must be loaded by a Python-shell job of the smallest size."
  }

  assert {
    condition     = aws_glue_job.this["this"].default_arguments["--extra-py-files"] == "s3://demo-test-scripts/lib/connectors-1-py3-none-any.whl" && !contains(keys(aws_glue_job.this["this"].default_arguments), "--additional-python-modules")
    error_message = "The job must get its code as a wheel, and nothing from PyPI unless asked for."
  }

  assert {
    condition     = aws_lambda_function.this["this"].environment[0].variables.SECRET_PREFIX == "demo-test-connector-"
    error_message = "The Lambda must be told how secrets are named."
  }
}

run "what_is_not_needed_is_not_made" {
  command = plan

  variables {
    connectors = { stock = "{\"name\":\"stock\",\"dataset\":\"stock\",\"database\":{\"url\":\"sqlite://\",\"table\":\"t\",\"key\":[\"id\"]}}" }
    database_loader = {
      name     = "demo-test-database-ingestion"
      script   = "tests/fixtures/database_ingestion.py"
      wheel    = "tests/fixtures/connectors-1-py3-none-any.whl"
      role_arn = "arn:aws:iam::123456789012:role/demo-test-database-ingestion"
      drivers  = ["oracledb==2.5.1", "pymssql==2.3.2"]
    }
  }

  assert {
    condition     = length(aws_lambda_function.this) + length(aws_sqs_queue.this) + length(aws_glue_trigger.this) == 0 && length(aws_glue_job.this) == 1
    error_message = "Without an API there must be no Lambda and no queue."
  }

  assert {
    condition     = aws_glue_job.this["this"].default_arguments["--additional-python-modules"] == "oracledb==2.5.1,pymssql==2.3.2"
    error_message = "Drivers that Glue lacks must be installed."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    connectors = {
      other = "{\"name\":\"shop\",\"dataset\":\"o\",\"schedule\":\"hourly\",\"rest\":{},\"database\":{}}"
      stock = "{\"name\":\"stock\",\"dataset\":\"s\",\"schedule\":\"rate(1 hour)\",\"database\":{}}"
    }
    api_loader      = { name = "a", zip = "tests/fixtures/api_connector.zip", timeout_seconds = 30, maximum_concurrency = 1 }
    database_loader = { name = "d", script = "tests/fixtures/database_ingestion.py", wheel = "tests/fixtures/connectors-1-py3-none-any.whl", max_capacity = 0.5 }
    lambda_tracing  = "On"
    log_level       = "LOUD"
  }

  expect_failures = [var.connectors, var.api_loader, var.database_loader, var.lambda_tracing, var.log_level]
}
