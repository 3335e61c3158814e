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
    "--enable-metrics"                   = "true"
    "--enable-observability-metrics"     = "true"
    "--enable-continuous-cloudwatch-log" = "true"
    "--enable-glue-datacatalog"          = "true"
    "--datalake-formats"                 = "iceberg"
    "--conf"                             = local.spark_conf
    "--TempDir"                          = "${local.scripts_uri}/tmp/"
    "--extra-py-files"                   = "${local.scripts_uri}/${aws_s3_object.library.key}"
    "--contracts_path"                   = "${local.scripts_uri}/config/datasets/"
    "--database"                         = var.database_name
  }

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

  name                   = each.value.name
  description            = each.value.description
  role_arn               = each.value.role_arn
  glue_version           = var.glue_version
  worker_type            = coalesce(each.value.worker_type, var.worker_type)
  number_of_workers      = coalesce(each.value.number_of_workers, var.number_of_workers)
  timeout                = each.value.timeout_minutes
  max_retries            = each.value.max_retries
  security_configuration = var.security_configuration
  connections            = var.connections
  default_arguments      = merge(local.glue_arguments, local.performance_arguments, var.common_arguments, each.value.arguments)

  command {
    name            = "glueetl"
    python_version  = local.glue_python_version
    script_location = "${local.scripts_uri}/${aws_s3_object.script[each.key].key}"
  }

  execution_property {
    max_concurrent_runs = 1
  }
}
