# Dataset contracts: written in YAML by people, published as JSON for the jobs, and turned into
# catalog tables and rulesets here. A new file in the folder is all that a new dataset needs.
locals {
  contract_files = {
    for file in fileset(var.contracts_dir, "*.yml") : trimsuffix(file, ".yml") => "${var.contracts_dir}/${file}"
  }
  contracts = { for name, file in local.contract_files : name => yamldecode(file(file)) }

  # What the jobs add to every row of the processed layer.
  metadata_columns = [
    { name = "_rescued_data", type = "string", description = "What the contract's columns could not hold, as JSON" },
    { name = "_source_file", type = "string", description = "File the row came from" },
    { name = "_batch_id", type = "string", description = "Batch that brought the row" },
    { name = "_ingested_at", type = "timestamp", description = "When the row was read" },
  ]

  # Hive calls a long bigint and writes types without spaces. A word before a colon is the name of a struct's field.
  processed_columns = { for name, contract in local.contracts : name => concat([
    for column in try(contract.columns, []) : {
      name        = column.name
      type        = replace(replace(column.type, " ", ""), "/\\blong\\b([^:]|$)/", "bigint$1")
      description = try(column.description, "")
    }
  ], local.metadata_columns) }

  partition_columns = ["batch_id", "year", "month", "day"]

  rulesets = { for name, contract in local.contracts : name => trimspace(contract.quality.rules)
  if var.enable_data_quality_rulesets && can(trimspace(contract.quality.rules)) }
}

resource "aws_s3_object" "contract" {
  for_each = local.contracts

  bucket       = var.bucket_names.scripts
  key          = "config/datasets/${each.key}.json"
  content      = jsonencode(each.value)
  content_type = "application/json"
  source_hash  = md5(jsonencode(each.value))
}

resource "aws_glue_catalog_database" "this" {
  name        = var.database_name
  description = "Processed and curated tables of ${var.name_prefix}"
}

# Standardised rows by dataset. Terraform makes the table with the contract's columns of that day and leaves the
# columns to the jobs from then on: they add those that the data brings (schema_mode: evolve) and those that the
# contract gets later, and Terraform takes none of them away. Partitions come once a batch is committed.
resource "aws_glue_catalog_table" "processed" {
  for_each = local.contracts

  database_name = aws_glue_catalog_database.this.name
  name          = "processed_${each.key}"
  description   = try(each.value.description, "Processed rows of ${each.key}")
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    classification = "parquet"
    EXTERNAL       = "TRUE"
  }

  dynamic "partition_keys" {
    for_each = local.partition_columns

    content {
      name = partition_keys.value
      type = "string"
    }
  }

  storage_descriptor {
    location      = "s3://${var.bucket_names.processed}/${each.key}/"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    }

    dynamic "columns" {
      for_each = local.processed_columns[each.key]

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.description
      }
    }
  }

  lifecycle {
    ignore_changes = [parameters, storage_descriptor[0].columns]
  }
}

# The rules speak of the curated table, whose name is the dataset's: its columns are not those of processed. The jobs make
# it with the dataset's first batch, and Glue takes a ruleset whose table is not there yet. From then on the table's tab
# "Data quality" in the console shows it, and runs it there.
resource "aws_glue_data_quality_ruleset" "this" {
  for_each = local.rulesets

  name        = "${var.name_prefix}-${each.key}"
  description = "Quality rules of the contract ${each.key}"
  ruleset     = can(regex("(?m)^\\s*(Rules|Analyzers)\\s*=", each.value)) ? each.value : "Rules = [\n${each.value}\n]"

  target_table {
    database_name = aws_glue_catalog_database.this.name
    table_name    = each.key
  }
}

# Small tables that contracts enrich from, kept beside them and published as they are.
resource "aws_s3_object" "reference" {
  for_each = { for file in fileset(var.reference_dir, "**") : file => "${var.reference_dir}/${file}" if basename(file) != "README.md" }

  bucket      = var.bucket_names.scripts
  key         = "config/reference/${each.key}"
  source      = each.value
  source_hash = filemd5(each.value)
}
