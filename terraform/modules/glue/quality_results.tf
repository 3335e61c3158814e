# Results of all quality checks, one line of JSON each, as a table that Athena reads: the reports themselves are
# documents for people, beside their HTML, and no SerDe reads those. A day's folder needs no entry in the catalog,
# since Athena works its place out (partition projection). The columns are what etl.report_results writes.
locals {
  quality_columns = jsondecode(file("${path.module}/quality_results.json"))
  quality_results = "s3://${var.bucket_names.quality}/results/"
}

resource "aws_glue_catalog_table" "quality_results" {
  database_name = aws_glue_catalog_database.this.name
  name          = "quality_results"
  description   = "Results of the quality checks of all datasets, one row each"
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL                       = "TRUE"
    classification                 = "json"
    "projection.enabled"           = "true"
    "projection.day.format"        = "yyyy/MM/dd"
    "projection.day.interval"      = "1"
    "projection.day.interval.unit" = "DAYS"
    "projection.day.range"         = "2024/01/01,NOW"
    "projection.day.type"          = "date"
    "storage.location.template"    = "${local.quality_results}$${day}/"
  }

  partition_keys {
    name    = "day"
    type    = "string"
    comment = "Day of the check in UTC, as 2024/01/31"
  }

  storage_descriptor {
    location      = local.quality_results
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
    }

    dynamic "columns" {
      for_each = local.quality_columns

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.description
      }
    }
  }
}
