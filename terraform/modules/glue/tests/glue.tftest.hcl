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
  name_prefix   = "demo-test"
  workflow_name = "demo-test-etl-workflow"
  database_name = "demo_test"
  jobs = {
    data_ingestion = {
      name        = "demo-test-data-ingestion"
      description = "First"
      script      = "data_ingestion.py"
      role_arn    = "arn:aws:iam::123456789012:role/demo-test-data-ingestion"
    }
    data_processing = {
      name            = "demo-test-data-processing"
      description     = "Second"
      script          = "data_processing.py"
      role_arn        = "arn:aws:iam::123456789012:role/demo-test-data-processing"
      after           = "data_ingestion"
      worker_type     = "G.2X"
      auto_scaling    = true
      execution_class = "FLEX"
      max_retries     = 1
      metrics         = false
      spark_ui        = true
      arguments       = { "--extra" = "yes" }
    }
  }
  common_arguments       = { "--environment" = "test" }
  security_configuration = "demo-test-security"
  bucket_names           = { raw = "demo-raw", processed = "demo-processed", curated = "demo-curated", quality = "demo-quality", scripts = "demo-scripts" }
  source_dir             = "tests/fixtures/src"
  library_zip            = "tests/fixtures/library.zip"
  contracts_dir          = "tests/fixtures/contracts"
  reference_dir          = "tests/fixtures/reference"
}

run "jobs_get_their_own_settings_and_the_common_arguments" {
  command = plan

  assert {
    condition     = aws_glue_job.this["data_ingestion"].worker_type == "G.1X" && aws_glue_job.this["data_processing"].worker_type == "G.2X"
    error_message = "A job's own worker type must win over the common one."
  }

  assert {
    condition     = aws_glue_job.this["data_ingestion"].default_arguments["--environment"] == "test"
    error_message = "Common arguments must reach every job."
  }

  assert {
    condition     = aws_glue_job.this["data_processing"].default_arguments["--extra"] == "yes"
    error_message = "A job's own arguments must reach it."
  }

  assert {
    condition     = aws_glue_job.this["data_ingestion"].default_arguments["--extra-py-files"] == "s3://demo-scripts/lib/library.zip"
    error_message = "Jobs must find the library where it is uploaded."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.command[0].python_version == "3" && job.execution_property[0].max_concurrent_runs == 1])
    error_message = "Glue knows Python 3 by \"3\" only, and two runs of a job must not meet."
  }

  assert {
    condition     = aws_glue_job.this["data_processing"].execution_class == "FLEX" && aws_glue_job.this["data_processing"].max_retries == 1 && aws_glue_job.this["data_ingestion"].execution_class == "STANDARD"
    error_message = "A job must get its own execution class and retries."
  }

  assert {
    condition = { for name, value in aws_glue_job.this["data_processing"].default_arguments : name => value if contains(["--enable-auto-scaling", "--enable-metrics", "--enable-spark-ui", "--spark-event-logs-path"], name) } == {
      "--enable-auto-scaling"   = "true"
      "--enable-spark-ui"       = "true"
      "--spark-event-logs-path" = "s3://demo-scripts/tmp/spark-ui/data_processing/"
    }
    error_message = "Auto scaling and Spark UI must be on where they are asked for, and metrics off."
  }

  assert {
    condition     = aws_glue_job.this["data_ingestion"].default_arguments["--enable-metrics"] == "true" && !contains(keys(aws_glue_job.this["data_ingestion"].default_arguments), "--enable-auto-scaling")
    error_message = "By default a job sends metrics, and has all its workers all the time."
  }

  assert {
    condition     = output.job_dpus == { data_ingestion = 2, data_processing = 4 }
    error_message = "DPUs are the workers times the DPUs of one."
  }
}

run "the_workflow_waits_to_be_started_and_goes_on_however_a_job_ended" {
  command = plan

  assert {
    condition     = aws_glue_trigger.after["data_processing"].predicate[0].logical == "ANY"
    error_message = "One end state must be enough."
  }

  assert {
    condition = toset([for condition in aws_glue_trigger.after["data_processing"].predicate[0].conditions : "${condition.job_name} ${condition.state}"]) == toset([
      for state in ["SUCCEEDED", "FAILED", "TIMEOUT"] : "demo-test-data-ingestion ${state}"
    ])
    error_message = "The trigger must watch the job before it, for success, failure and timeout."
  }

  assert {
    condition     = aws_glue_trigger.start.type == "ON_DEMAND" && !aws_glue_trigger.start.enabled
    error_message = "An on-demand trigger that is made enabled starts by itself."
  }

  assert {
    condition     = length(aws_glue_trigger.maintenance) == 0 && output.maintenance_trigger_name == null
    error_message = "Maintenance must have to be asked for."
  }
}

run "with_a_schedule_the_workflow_starts_by_it" {
  command = plan

  variables {
    schedule = "cron(0 2 * * ? *)"
  }

  assert {
    condition     = aws_glue_trigger.start.type == "SCHEDULED" && aws_glue_trigger.start.enabled && aws_glue_trigger.start.schedule == "cron(0 2 * * ? *)"
    error_message = "A scheduled trigger must be enabled, and carry the schedule."
  }
}

run "contracts_results_and_reference_files_are_published" {
  command = plan

  assert {
    condition     = aws_s3_object.contract["orders"].key == "config/datasets/orders.json" && jsondecode(aws_s3_object.contract["orders"].content).name == "orders"
    error_message = "Contracts must be published as JSON."
  }

  assert {
    condition = [for column in aws_glue_catalog_table.processed["orders"].storage_descriptor[0].columns : "${column.name} ${column.type}"] == [
      "order_id string", "quantity bigint", "price decimal(12,2)",
      "lines array<struct<sku:string,long:bigint,gift:boolean>>", "_rescued_data string", "_source_file string", "_batch_id string", "_ingested_at timestamp",
    ]
    error_message = "Columns must have Hive's types, the jobs' own columns last."
  }

  assert {
    condition     = [for key in aws_glue_catalog_table.processed["orders"].partition_keys : key.name] == ["batch_id", "year", "month", "day"]
    error_message = "The partitions must be those the jobs write."
  }

  assert {
    condition     = output.quality_thresholds == { orders = 90, visits = null }
    error_message = "The threshold must be the contract's own, where it has one."
  }

  assert {
    condition     = keys(aws_glue_data_quality_ruleset.this) == ["orders"] && startswith(aws_glue_data_quality_ruleset.this["orders"].ruleset, "Rules = [\nIsComplete")
    error_message = "Rules must become a ruleset; a contract without rules none."
  }

  assert {
    condition     = [for target in aws_glue_data_quality_ruleset.this["orders"].target_table : "${target.database_name}.${target.table_name}"] == ["${var.database_name}.orders"]
    error_message = "Rules are about the curated table."
  }

  assert {
    condition     = output.reference_keys == { "rates.csv" = "config/reference/rates.csv", "2024/tariffs.csv" = "config/reference/2024/tariffs.csv" }
    error_message = "Every file of the folder must be published under its own path, and the README must not."
  }

  assert {
    condition     = output.quality_results_table_name == "quality_results" && aws_glue_catalog_table.quality_results.storage_descriptor[0].location == "s3://demo-quality/results/"
    error_message = "The table must lie where the quality job writes results."
  }

  assert {
    condition     = aws_glue_catalog_table.quality_results.parameters["storage.location.template"] == "s3://demo-quality/results/$${day}/" && aws_glue_catalog_table.quality_results.parameters["projection.day.format"] == "yyyy/MM/dd"
    error_message = "Athena must find each day's folder."
  }

  assert {
    condition     = contains([for column in aws_glue_catalog_table.quality_results.storage_descriptor[0].columns : "${column.name} ${column.type}"], "score double")
    error_message = "The columns must be those of the results."
  }

  assert {
    condition     = length(aws_glue_crawler.this) == 0 && length(aws_glue_catalog_table_optimizer.this) == 0 && output.schema_registry_name == null && length(aws_glue_schema.this) == 0
    error_message = "They cost money, and the pipeline does not need them."
  }
}

run "rulesets_can_be_left_out" {
  command = plan

  variables {
    enable_data_quality_rulesets = false
  }

  assert {
    condition     = length(aws_glue_data_quality_ruleset.this) == 0
    error_message = "No ruleset may be made when they are switched off."
  }
}

run "values_that_aws_does_not_know_are_refused" {
  command = plan

  variables {
    glue_version         = "3.0"
    worker_type          = "Standard"
    number_of_workers    = 1
    schedule             = "0 2 * * *"
    database_name        = "demo-test"
    performance          = { shuffle_partition = "48" }
    maintenance_schedule = "weekly"
  }

  expect_failures = [var.glue_version, var.worker_type, var.number_of_workers, var.schedule, var.database_name, var.performance, var.maintenance_schedule]
}

run "a_job_after_one_that_is_not_there_is_refused" {
  command = plan

  variables {
    jobs = {
      data_ingestion = {
        name        = "demo"
        description = "First"
        script      = "data_ingestion.py"
        role_arn    = "arn:aws:iam::123456789012:role/demo"
      }
      data_processing = {
        name        = "demo-2"
        description = "Second"
        script      = "data_processing.py"
        role_arn    = "arn:aws:iam::123456789012:role/demo"
        after       = "data_digestion"
      }
    }
  }

  expect_failures = [var.jobs]
}

run "a_folder_without_reference_files_is_fine" {
  command = plan

  variables {
    reference_dir = "tests/fixtures/contracts/none"
  }

  assert {
    condition     = length(aws_s3_object.reference) == 0
    error_message = "Nothing may be published where there is nothing."
  }
}

run "performance_becomes_arguments_of_every_job" {
  command = plan

  variables {
    performance = { shuffle_partitions = "48", broadcast_threshold_mb = "64" }
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.default_arguments["--shuffle_partitions"] == "48" && job.default_arguments["--broadcast_threshold_mb"] == "64"])
    error_message = "Performance settings must reach every job."
  }
}

run "without_performance_settings_spark_stays_as_it_is" {
  command = plan

  assert {
    condition     = !contains(keys(aws_glue_job.this["data_processing"].default_arguments), "--shuffle_partitions")
    error_message = "An argument that nobody set must not be passed."
  }
}

run "maintenance_runs_processing_by_itself_on_schedule" {
  command = plan

  variables {
    maintenance_schedule = "cron(0 4 ? * SUN *)"
  }

  assert {
    condition     = aws_glue_trigger.maintenance[0].type == "SCHEDULED" && aws_glue_trigger.maintenance[0].enabled && aws_glue_trigger.maintenance[0].workflow_name == null
    error_message = "It must be an enabled scheduled trigger outside the workflow."
  }

  assert {
    condition     = aws_glue_trigger.maintenance[0].actions[0].job_name == "demo-test-data-processing" && aws_glue_trigger.maintenance[0].actions[0].arguments["--maintain"] == "true"
    error_message = "It must run the processing job with --maintain true."
  }
}

run "maintenance_by_a_job_that_is_not_there_is_refused" {
  command = plan

  variables {
    maintenance_schedule = "cron(0 4 ? * SUN *)"
    maintenance_job      = "data_cleaning"
  }

  expect_failures = [var.maintenance_job]
}

run "a_job_may_queue" {
  command = plan

  variables {
    jobs = {
      data_ingestion = {
        name        = "demo"
        description = "First"
        script      = "data_ingestion.py"
        role_arn    = "arn:aws:iam::123456789012:role/demo"
        queuing     = true
      }
    }
  }

  assert {
    condition     = aws_glue_job.this["data_ingestion"].job_run_queuing_enabled
    error_message = "Queuing must reach the job."
  }
}

run "a_streaming_job_stands_outside_the_workflow" {
  command = plan

  variables {
    jobs = {
      data_ingestion = {
        name        = "demo"
        description = "First"
        script      = "data_ingestion.py"
        role_arn    = "arn:aws:iam::123456789012:role/demo"
      }
      events = {
        name        = "demo-events"
        description = "First"
        script      = "data_processing.py"
        role_arn    = "arn:aws:iam::123456789012:role/demo"
        type        = "streaming"
        worker_type = "G.025X"
      }
    }
  }

  assert {
    condition     = aws_glue_job.this["events"].command[0].name == "gluestreaming" && aws_glue_job.this["data_ingestion"].command[0].name == "glueetl"
    error_message = "Glue must know which job streams."
  }

  assert {
    condition     = aws_glue_trigger.start.actions[0].job_name == "demo" && length(aws_glue_trigger.after) == 0
    error_message = "No trigger may start a job that never ends."
  }
}

run "a_worker_that_aws_gives_to_streaming_jobs_only_is_told" {
  command = plan

  variables {
    worker_type = "G.025X"
    jobs = { data_ingestion = {
      name        = "demo"
      description = "First"
      script      = "data_ingestion.py"
      role_arn    = "arn:aws:iam::123456789012:role/demo"
    } }
  }

  expect_failures = [check.worker_type_is_offered]
}

run "queuing_with_flex_is_refused" {
  command = plan

  variables {
    jobs = {
      data_ingestion = {
        name            = "demo"
        description     = "First"
        script          = "data_ingestion.py"
        role_arn        = "arn:aws:iam::123456789012:role/demo"
        queuing         = true
        execution_class = "FLEX"
      }
    }
  }

  expect_failures = [var.jobs]
}

run "queuing_with_retries_is_refused" {
  command = plan

  variables {
    jobs = {
      data_ingestion = {
        name        = "demo"
        description = "First"
        script      = "data_ingestion.py"
        role_arn    = "arn:aws:iam::123456789012:role/demo"
        queuing     = true
        max_retries = 1
      }
    }
  }

  expect_failures = [var.jobs]
}

run "flex_on_large_workers_is_refused" {
  command = plan

  variables {
    jobs = {
      data_ingestion = {
        name            = "demo"
        description     = "First"
        script          = "data_ingestion.py"
        role_arn        = "arn:aws:iam::123456789012:role/demo"
        execution_class = "FLEX"
        worker_type     = "G.4X"
      }
    }
  }

  expect_failures = [var.jobs]
}

run "an_unknown_execution_class_is_refused" {
  command = plan

  variables {
    jobs = {
      data_ingestion = {
        name            = "demo"
        description     = "First"
        script          = "data_ingestion.py"
        role_arn        = "arn:aws:iam::123456789012:role/demo"
        execution_class = "CHEAP"
      }
    }
  }

  expect_failures = [var.jobs]
}

run "an_unknown_kind_of_job_is_refused" {
  command = plan

  variables {
    jobs = {
      data_ingestion = {
        name        = "demo"
        description = "First"
        script      = "data_ingestion.py"
        role_arn    = "arn:aws:iam::123456789012:role/demo"
        type        = "shell"
      }
    }
  }

  expect_failures = [var.jobs]
}

run "an_unknown_worker_type_of_a_job_is_refused" {
  command = plan

  variables {
    jobs = {
      data_ingestion = {
        name        = "demo"
        description = "First"
        script      = "data_ingestion.py"
        role_arn    = "arn:aws:iam::123456789012:role/demo"
        worker_type = "G.16X"
      }
    }
  }

  expect_failures = [var.jobs]
}

run "a_single_worker_of_a_job_is_refused" {
  command = plan

  variables {
    jobs = {
      data_ingestion = {
        name              = "demo"
        description       = "First"
        script            = "data_ingestion.py"
        role_arn          = "arn:aws:iam::123456789012:role/demo"
        number_of_workers = 1
      }
    }
  }

  expect_failures = [var.jobs]
}

run "a_job_without_time_is_refused" {
  command = plan

  variables {
    jobs = {
      data_ingestion = {
        name            = "demo"
        description     = "First"
        script          = "data_ingestion.py"
        role_arn        = "arn:aws:iam::123456789012:role/demo"
        timeout_minutes = 0
      }
    }
  }

  expect_failures = [var.jobs]
}

run "eleven_retries_are_refused" {
  command = plan

  variables {
    jobs = {
      data_ingestion = {
        name        = "demo"
        description = "First"
        script      = "data_ingestion.py"
        role_arn    = "arn:aws:iam::123456789012:role/demo"
        max_retries = 11
      }
    }
  }

  expect_failures = [var.jobs]
}

run "a_job_after_itself_is_refused" {
  command = plan

  variables {
    jobs = {
      data_ingestion = {
        name        = "demo"
        description = "First"
        script      = "data_ingestion.py"
        role_arn    = "arn:aws:iam::123456789012:role/demo"
      }
      b = {
        name        = "demo"
        description = "First"
        script      = "data_ingestion.py"
        role_arn    = "arn:aws:iam::123456789012:role/demo"
        after       = "b"
      }
    }
  }

  expect_failures = [var.jobs]
}

run "two_first_jobs_are_refused" {
  command = plan

  variables {
    jobs = {
      data_ingestion = {
        name        = "demo"
        description = "First"
        script      = "data_ingestion.py"
        role_arn    = "arn:aws:iam::123456789012:role/demo"
      }
      b = {
        name        = "demo"
        description = "First"
        script      = "data_ingestion.py"
        role_arn    = "arn:aws:iam::123456789012:role/demo"
      }
    }
  }

  expect_failures = [var.jobs]
}

run "crawlers_and_optimizers_do_what_was_asked_for" {
  command = plan

  variables {
    crawlers                 = { orders = { prefix = "data/incoming/orders/", schedule = "cron(0 1 * * ? *)" } }
    crawler_role_arn         = "arn:aws:iam::123456789012:role/demo-crawler"
    table_optimizers         = { orders = { snapshot_retention_days = 7, orphan_retention_days = 3 }, customers = {} }
    table_optimizer_role_arn = "arn:aws:iam::123456789012:role/demo-optimizer"
  }

  assert {
    condition     = aws_glue_crawler.this["orders"].s3_target[0].path == "s3://demo-raw/data/incoming/orders/" && aws_glue_crawler.this["orders"].table_prefix == "raw_"
    error_message = "The crawler must look at its prefix, and mark its tables as raw."
  }

  assert {
    condition     = output.crawler_names == { orders = "demo-test-raw-orders" }
    error_message = "Crawlers must carry the prefix."
  }

  assert {
    condition     = toset([for one in aws_glue_catalog_table_optimizer.this : "${one.table_name} ${one.type}"]) == toset(["orders compaction", "orders retention", "orders orphan_file_deletion", "customers compaction"])
    error_message = "Each table must get the care that was asked for."
  }

  assert {
    condition     = one(one(aws_glue_catalog_table_optimizer.this["orders retention"].configuration[0].retention_configuration).iceberg_configuration).snapshot_retention_period_in_days == 7
    error_message = "Snapshots must be kept for as long as was asked for."
  }
}

run "contracts_become_schemas_for_producers" {
  command = plan

  variables {
    enable_schema_registry = true
  }

  assert {
    condition     = keys(aws_glue_schema.this) == ["orders"] && output.schema_registry_name == "demo-test"
    error_message = "Every contract with columns must become a schema, and no other."
  }

  assert {
    condition = { for name, column in jsondecode(aws_glue_schema.this["orders"].schema_definition).properties : name => column.type[0] } == {
      order_id = "string", quantity = "integer", price = "number", lines = "array"
    }
    error_message = "Types must be JSON's."
  }

  assert {
    condition     = jsondecode(aws_glue_schema.this["orders"].schema_definition).required == ["order_id"]
    error_message = "Required columns must be required."
  }
}

run "compatibilities_folders_and_days_that_cannot_be_are_refused" {
  command = plan

  variables {
    schema_compatibility     = "SIDEWAYS"
    crawlers                 = { x = { prefix = "data/inc" } }
    crawler_role_arn         = "arn:aws:iam::123456789012:role/demo-crawler"
    table_optimizers         = { orders = { orphan_retention_days = 2 } }
    table_optimizer_role_arn = "arn:aws:iam::123456789012:role/demo-optimizer"
  }

  expect_failures = [var.schema_compatibility, var.crawlers, var.table_optimizers]
}

run "a_crawler_s_schedule_and_snapshots_of_no_days_are_refused" {
  command = plan

  variables {
    crawlers                 = { x = { prefix = "data/", schedule = "nightly" } }
    crawler_role_arn         = "arn:aws:iam::123456789012:role/demo-crawler"
    table_optimizers         = { orders = { snapshot_retention_days = 0 } }
    table_optimizer_role_arn = "arn:aws:iam::123456789012:role/demo-optimizer"
  }

  expect_failures = [var.crawlers, var.table_optimizers]
}

run "compaction_by_glue_is_refused_where_rows_wait_for_their_check" {
  command = plan

  variables {
    table_optimizers         = { visits = { snapshot_retention_days = 7 } }
    table_optimizer_role_arn = "arn:aws:iam::123456789012:role/demo-optimizer"
  }

  expect_failures = [aws_glue_catalog_table_optimizer.this["visits compaction"]]
}

run "crawlers_and_optimizers_without_a_role_are_refused" {
  command = plan

  variables {
    crawlers         = { x = { prefix = "data/" } }
    table_optimizers = { orders = {} }
  }

  expect_failures = [var.crawler_role_arn, var.table_optimizer_role_arn]
}
