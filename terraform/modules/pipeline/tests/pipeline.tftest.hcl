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

  mock_data "aws_subnet" {
    defaults = { availability_zone = "us-east-1a" }
  }

  mock_data "aws_vpc" {
    defaults = { cidr_block_associations = [{ cidr_block = "10.9.0.0/16" }] }
  }

  mock_data "aws_availability_zones" {
    defaults = { names = ["us-east-1a", "us-east-1b", "us-east-1c"] }
  }
}

variables {
  environment      = "dev"
  source_dir       = "tests/fixtures/src"
  build_dir        = "tests/fixtures/build"
  pii_secret_value = "0123456789abcdefghijklmnopqrstuvwxyz"
}

run "names_begin_with_project_and_environment" {
  command = plan

  assert {
    condition = output.job_names == {
      data_ingestion  = "glue-etl-pipeline-dev-data-ingestion"
      data_processing = "glue-etl-pipeline-dev-data-processing"
      data_quality    = "glue-etl-pipeline-dev-data-quality"
    }
    error_message = "Jobs must be named <project>-<environment>-<job>."
  }

  assert {
    condition     = output.workflow_name == "glue-etl-pipeline-dev-etl-workflow" && output.database_name == "glue_etl_pipeline_dev"
    error_message = "Workflow and database must carry the prefix."
  }

  assert {
    condition     = output.table_names == { job_bookmarks = "glue-etl-pipeline-dev-job-bookmarks", job_state = "glue-etl-pipeline-dev-job-state" }
    error_message = "Tables must carry the prefix."
  }
}

run "a_suffix_makes_bucket_names_unique" {
  command = plan

  variables {
    bucket_suffix = "4711"
  }

  assert {
    condition     = local.bucket_names["raw"] == "glue-etl-pipeline-dev-raw-4711"
    error_message = "The suffix must end every bucket name."
  }
}

run "the_longest_names_still_fit" {
  command = plan

  variables {
    environment   = "staging"
    project_name  = "a23456789-123456789-1234567890"
    bucket_suffix = "123456789-1234"
  }

  assert {
    condition     = alltrue([for name in concat(values(local.bucket_names), [local.access_log_bucket_name]) : length(name) <= 63]) && alltrue([for name in values(local.job_names) : length(name) <= 64])
    error_message = "Names made of the longest parts allowed must stay within AWS's limits."
  }
}

run "glue_4_with_its_own_python_is_fine_and_so_are_no_schedules_and_a_scan" {
  command = plan

  variables {
    health_summary_schedule = null
    sweep_schedule          = null
    incoming_scan           = "quarantine"

    glue_version   = "4.0"
    python_version = "3.10"
  }

  assert {
    condition     = length(local.schedules) == 0
    error_message = "Without schedules the clock must ask for nothing."
  }
}

run "a_python_that_the_glue_version_does_not_run_is_told" {
  command = plan

  variables {
    glue_version   = "5.1"
    python_version = "3.9"
  }

  expect_failures = [check.python_version]
}

run "a_vpc_is_made_on_demand_only" {
  command = plan

  assert {
    condition     = local.schedules["health_summary"].queue == "job_events" && jsondecode(local.schedules["health_summary"].input) == { kind = "health_summary" }
    error_message = "The clock must ask the monitoring Lambda for the health summary."
  }

  assert {
    condition     = local.schedules["sweep"].queue == "data_events" && jsondecode(local.schedules["sweep"].input) == { kind = "sweep" }
    error_message = "The clock must ask the trigger for a sweep."
  }

  assert {
    condition     = length(module.networking) == 0
    error_message = "By default there must be no VPC."
  }
}

run "a_vpc_gives_the_jobs_connections" {
  command = plan

  variables {
    enable_vpc = true
  }

  assert {
    condition     = length(module.networking[0].glue_connection_names) == 2
    error_message = "Jobs must get one connection per zone, over two zones."
  }
}

run "an_existing_vpc_gives_the_jobs_connections_and_no_flow_logs" {
  command = plan

  variables {
    enable_vpc   = true
    existing_vpc = { vpc_id = "vpc-0a1b", subnet_ids = ["subnet-0a", "subnet-0b"] }
  }

  assert {
    condition     = length(module.networking[0].glue_connection_names) == 2 && module.networking[0].vpc_id == "vpc-0a1b"
    error_message = "Jobs must run in the subnets given."
  }

  assert {
    condition     = !contains(keys(local.log_group_names), "vpc") && !local.service_roles.vpc_flow_logs
    error_message = "The flow logs of a VPC that is there already are not ours."
  }
}

run "an_existing_vpc_that_is_not_enabled_is_left_alone" {
  command = plan

  variables {
    existing_vpc = { vpc_id = "vpc-0a1b", subnet_ids = ["subnet-0a"] }
  }

  assert {
    condition     = length(module.networking) == 0
    error_message = "enable_vpc alone decides whether jobs run in a VPC."
  }
}

run "access_is_logged_unless_asked_otherwise" {
  command = plan

  assert {
    condition     = module.storage.access_log_bucket_name != null
    error_message = "There must be a log of who read and wrote the buckets."
  }
}

run "access_logs_can_be_left_out" {
  command = plan

  variables {
    enable_access_logs = false
  }

  assert {
    condition     = module.storage.access_log_bucket_name == null
    error_message = "Without access logs there must be no bucket for them."
  }
}

run "values_that_cannot_be_are_refused" {
  command = plan

  variables {
    enable_nat_gateway         = true # but no VPC
    environment                = "production"
    project_name               = "Glue_ETL"
    bucket_suffix              = "-x-"
    glue_version               = "3.0"
    python_version             = "2.7"
    worker_type                = "Standard"
    number_of_workers          = 1
    schedule                   = "every night"
    maintenance_retention_days = { orphans = 2 }
    performance                = { aqe = "true" }
    maintenance_schedule       = "weekly"
    health_summary_schedule    = "daily"
    sweep_schedule             = "hourly"
    allowed_extensions         = [".CSV"]
    max_object_size_gb         = 0
    incoming_scan              = "on"
    incoming_scan_mb           = 0.5
    job_overrides              = { quality = { number_of_workers = 10 } }
    execution_class            = "CHEAP"
  }

  expect_failures = [var.enable_nat_gateway, var.environment, var.project_name, var.bucket_suffix, var.glue_version, var.python_version, var.worker_type, var.number_of_workers, var.schedule, var.maintenance_retention_days, var.performance, var.maintenance_schedule, var.health_summary_schedule, var.sweep_schedule, var.allowed_extensions, var.max_object_size_gb, var.incoming_scan, var.incoming_scan_mb, var.job_overrides, var.execution_class]
}

run "processing_alone_gets_the_secret_and_the_retentions" {
  command = plan

  variables {
    maintenance_retention_days = { snapshots = 14 }
  }

  assert {
    condition     = keys(local.own_arguments) == ["data_processing"] && contains(keys(local.own_arguments.data_processing), "--pii_secret")
    error_message = "Processing, and no other job, must get the secret's ARN."
  }

  assert {
    condition = { for name, days in local.own_arguments.data_processing : name => days if endswith(name, "_days") } == {
      "--snapshot_retention_days"  = "14"
      "--orphan_retention_days"    = "3"
      "--processed_retention_days" = "30"
    }
    error_message = "Retentions must reach processing, with the defaults for those that are not set."
  }
}

run "a_retention_that_is_no_number_of_days_is_refused" {
  command = plan

  variables {
    maintenance_retention_days = { processed = 0 }
  }

  expect_failures = [var.maintenance_retention_days]
}

run "settings_of_one_job_win_over_those_of_all" {
  command = plan

  variables {
    number_of_workers = 4
    auto_scaling      = true
    job_overrides     = { data_quality = { number_of_workers = 10, worker_type = "G.2X", auto_scaling = false } }
  }

  assert {
    condition     = module.glue.job_dpus == { data_ingestion = 4, data_processing = 4, data_quality = 20 }
    error_message = "Only the job that is named may differ."
  }
}

run "queuing_with_retries_is_refused" {
  command = plan

  variables {
    job_queuing     = true
    job_max_retries = 1
  }

  expect_failures = [var.job_queuing]
}

run "queuing_with_flex_is_refused" {
  command = plan

  variables {
    job_queuing     = true
    execution_class = "FLEX"
  }

  expect_failures = [var.job_queuing]
}

run "what_costs_extra_has_to_be_asked_for_and_results_can_be_queried" {
  command = plan

  assert {
    condition     = length(module.streaming) == 0 && output.stream_name == null && length(module.glue.crawler_names) == 0 && module.glue.schema_registry_name == null
    error_message = "There must be no stream, no crawlers and no registry."
  }

  assert {
    condition     = !local.service_roles.crawler && !local.service_roles.streaming && !local.service_roles.table_optimizer
    error_message = "What is not there must have no role."
  }

  assert {
    condition     = output.quality_results_table == "glue_etl_pipeline_dev.quality_results" && output.athena_workgroup == "glue-etl-pipeline-dev"
    error_message = "People must be told table and workgroup."
  }

  assert {
    condition     = alltrue([for name, query in local.named_queries : strcontains(query.query, "glue_etl_pipeline_dev.quality_results") if startswith(name, "quality")])
    error_message = "Queries on quality must read the table of the results."
  }

  assert {
    condition     = module.monitoring.log_group_names["jobs_error"] == "/aws-glue/jobs/error-glue-etl-pipeline-dev-security"
    error_message = "The groups that Glue logs to must be made before Glue makes them."
  }
}

run "a_stream_crawlers_and_optimizers_bring_roles_logs_and_alarms" {
  command = plan

  variables {
    streaming        = {}
    crawlers         = { all = { prefix = "data/incoming/" } }
    table_optimizers = { orders = {} }
  }

  assert {
    condition     = output.stream_name == "glue-etl-pipeline-dev-records" && local.service_roles.streaming
    error_message = "The stream must be made, and Firehose get its role."
  }

  assert {
    condition     = contains(keys(module.monitoring.alarm_names), "delivery-late-raw") && contains(keys(module.monitoring.log_group_names), "delivery")
    error_message = "The stream must be watched, and its log kept."
  }

  assert {
    condition     = anytrue([for command in output.next_commands : startswith(command, "aws kinesis put-record --stream-name glue-etl-pipeline-dev-records ")])
    error_message = "The next commands must say how to send a record."
  }

  assert {
    condition     = local.service_roles.crawler && local.service_roles.table_optimizer && module.glue.crawler_names == { all = "glue-etl-pipeline-dev-raw-all" }
    error_message = "Each must have a role."
  }
}

run "a_streaming_job_gets_its_role_its_stream_and_its_alarms" {
  command = plan

  variables {
    streaming  = { firehose = false, job = { dataset = "orders", most_per_epoch = 5000 } }
    enable_vpc = true
  }

  assert {
    condition     = module.glue.job_names["streaming_ingestion"] == "glue-etl-pipeline-dev-streaming-ingestion" && output.stream_name == "glue-etl-pipeline-dev-records"
    error_message = "The job and the stream that it reads must be made."
  }

  assert {
    condition     = local.streaming_glue_jobs["streaming_ingestion"].arguments == { "--dataset" = "orders", "--stream_source" = "kinesis", "--stream" = local.stream_arn, "--stream_start" = "earliest", "--stream_trigger_seconds" = "100", "--stream_most_per_epoch" = "5000" }
    error_message = "The job must be told what to read, and nothing that was not asked for."
  }

  assert {
    condition     = length(setsubtract(["job-failed-streaming-ingestion", "stream-late-records"], keys(module.monitoring.alarm_names))) == 0 && !contains(keys(module.monitoring.alarm_names), "delivery-late-raw")
    error_message = "The job and the stream must be watched, and no Firehose that is not there."
  }
}

run "a_job_reads_kafka_without_a_stream_of_the_pipeline_s_own" {
  command = plan

  variables {
    streaming = { firehose = false, job = {
      dataset     = "orders"
      source      = "kafka"
      topics      = ["orders", "returns"]
      brokers     = "b-1.example:9098"
      cluster_arn = "arn:aws:kafka:us-east-1:123456789012:cluster/shop/0a1b"
    } }
  }

  assert {
    condition     = output.stream_name == null && local.streaming_glue_jobs["streaming_ingestion"].arguments["--stream"] == "orders,returns" && local.streaming_glue_jobs["streaming_ingestion"].arguments["--stream_auth"] == "iam"
    error_message = "Only the job must be made, and be told of its topics."
  }
}

run "a_stream_that_would_come_by_both_doors_is_refused" {
  command = plan

  variables {
    streaming = { job = { dataset = "orders" } }
  }

  expect_failures = [var.streaming]
}

run "a_streaming_job_of_kafka_without_brokers_and_cluster_is_refused" {
  command = plan

  variables {
    streaming = { job = { dataset = "orders", source = "kafka", trigger_seconds = 0 } }
  }

  expect_failures = [var.streaming]
}

run "connectors_bring_what_loads_them_and_are_watched" {
  command = plan

  variables {
    connectors_dir    = "tests/fixtures/connectors"
    connector_secrets = { shop = { description = "The shop", jobs = ["api_connector"] } }
  }

  assert {
    condition     = keys(module.connectors[0].job_names) == ["database_ingestion"] && keys(module.connectors[0].lambda_names) == ["api_connector"]
    error_message = "An API must get the Lambda, a database the job."
  }

  assert {
    condition     = length(setsubtract(["lambda-errors-api-connector", "dead-letters-connectors", "job-failed-database-ingestion"], keys(module.monitoring.alarm_names))) == 0
    error_message = "Connectors that fail must raise an alarm."
  }

  assert {
    condition     = contains(keys(local.parts.rules), "connector_shop") && contains(keys(local.parts.jobs), "database_ingestion") && contains(keys(local.parts.queues), "connectors")
    error_message = "What loads them must be among the parts of the deployment."
  }
}

run "without_connectors_nothing_is_made_for_them" {
  command = plan

  assert {
    condition     = length(module.connectors) == 0 && !contains(keys(local.lambda_names), "api_connector") && !contains(keys(local.job_names), "database_ingestion")
    error_message = "There must be no loader without a connector."
  }
}
