# The jobs and what they run: scripts and the shared library.
locals {
  scripts_uri = "s3://${var.bucket_names.scripts}"

  # Glue takes one --conf; further settings follow inside its value.
  spark_conf = join(" --conf ", [
    "spark.sql.extensions=org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    "spark.sql.catalog.glue_catalog=org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.glue_catalog.catalog-impl=org.apache.iceberg.aws.glue.GlueCatalog",
    "spark.sql.catalog.glue_catalog.io-impl=org.apache.iceberg.aws.s3.S3FileIO",
    "spark.sql.catalog.glue_catalog.warehouse=s3://${var.bucket_names.curated}/",
    "spark.sql.session.timeZone=UTC",
  ])

  # Bookmarks stay off: they go by modification time, and our ledger keeps what was read.
  glue_arguments = {
    "--job-language"                     = "python"
    "--job-bookmark-option"              = "job-bookmark-disable"
    "--enable-continuous-cloudwatch-log" = "true"
    "--enable-glue-datacatalog"          = "true"
    "--datalake-formats"                 = "iceberg"
    "--conf"                             = local.spark_conf
    "--TempDir"                          = "${local.scripts_uri}/tmp/"
    "--extra-py-files"                   = "${local.scripts_uri}/${aws_s3_object.library.key}"
    "--contracts_path"                   = "${local.scripts_uri}/config/datasets/"
    "--database"                         = var.database_name
  }

  # What a job's own settings mean in arguments. Event logs lie with other temporary data: its role may write there, and
  # they expire with it.
  setting_arguments = { for key, job in var.jobs : key => merge(
    job.auto_scaling ? { "--enable-auto-scaling" = "true" } : {},
    job.metrics ? { "--enable-metrics" = "true", "--enable-observability-metrics" = "true" } : {},
    job.spark_ui ? { "--enable-spark-ui" = "true", "--spark-event-logs-path" = "${local.scripts_uri}/tmp/spark-ui/${key}/" } : {},
  ) }

  worker_types       = { for key, job in var.jobs : key => coalesce(job.worker_type, var.worker_type) }
  numbers_of_workers = { for key, job in var.jobs : key => coalesce(job.number_of_workers, var.number_of_workers) }

  # Data processing units of one worker: what AWS charges by.
  worker_dpus = { "G.025X" = 0.25, "G.1X" = 1, "G.2X" = 2, "G.4X" = 4, "G.8X" = 8 }

  performance_arguments = { for name, value in var.performance : "--${name}" => value }

  # Glue calls every Python 3 by "3"; the Glue version decides which one it is.
  glue_python_version = "3"
}

resource "aws_s3_object" "script" {
  for_each = { for key, job in var.jobs : key => job.script }

  bucket      = var.bucket_names.scripts
  key         = "jobs/${each.value}"
  source      = "${var.source_dir}/jobs/${each.value}"
  source_hash = filemd5("${var.source_dir}/jobs/${each.value}")
}

resource "aws_s3_object" "library" {
  bucket      = var.bucket_names.scripts
  key         = "lib/${basename(var.library_zip)}"
  source      = var.library_zip
  source_hash = filemd5(var.library_zip)
}

resource "aws_glue_job" "this" {
  for_each = var.jobs

  name                    = each.value.name
  description             = each.value.description
  role_arn                = each.value.role_arn
  glue_version            = var.glue_version
  worker_type             = local.worker_types[each.key]
  number_of_workers       = local.numbers_of_workers[each.key]
  execution_class         = each.value.type == "streaming" ? null : each.value.execution_class
  timeout                 = each.value.type == "streaming" ? null : each.value.timeout_minutes
  max_retries             = each.value.max_retries
  job_run_queuing_enabled = each.value.queuing
  security_configuration  = var.security_configuration
  connections             = var.connections

  default_arguments = merge(
    local.glue_arguments, local.setting_arguments[each.key], local.performance_arguments, var.common_arguments, each.value.arguments,
  )

  command {
    name            = each.value.type == "streaming" ? "gluestreaming" : "glueetl"
    python_version  = local.glue_python_version
    script_location = "${local.scripts_uri}/${aws_s3_object.script[each.key].key}"
  }

  # The ledger knows of one run at a time.
  execution_property {
    max_concurrent_runs = 1
  }
}

check "worker_type_is_offered" {
  assert {
    condition     = alltrue([for key, job in var.jobs : local.worker_types[key] != "G.025X" || job.type == "streaming"])
    error_message = "AWS offers G.025X workers to streaming jobs only; batch jobs need G.1X at least."
  }
}
