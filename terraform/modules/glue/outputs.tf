output "contract_keys" {
  description = "Where each dataset contract is published, as keys of the scripts bucket."
  value       = { for name, object in aws_s3_object.contract : name => object.key }
}

output "crawler_names" {
  description = "Names of the crawlers of raw data by key."
  value       = { for key, crawler in aws_glue_crawler.this : key => crawler.name }
}

output "database_name" {
  description = "Name of the Glue database."
  value       = aws_glue_catalog_database.this.name
}

output "job_dpus" {
  description = "The most data processing units that a run of each job may have, by key."
  value       = { for key in keys(var.jobs) : key => local.numbers_of_workers[key] * local.worker_dpus[local.worker_types[key]] }
}

output "job_names" {
  description = "Names of the Glue jobs by key."
  value       = { for key, job in aws_glue_job.this : key => job.name }
}

output "maintenance_trigger_name" {
  description = "Name of the trigger that maintains the tables on schedule; null without a schedule."
  value       = one(aws_glue_trigger.maintenance[*].name)
}

output "processed_table_names" {
  description = "Catalog tables of the processed layer by dataset."
  value       = { for name, table in aws_glue_catalog_table.processed : name => table.name }
}

output "quality_results_table_name" {
  description = "Catalog table of the results of all quality checks."
  value       = aws_glue_catalog_table.quality_results.name
}

output "quality_thresholds" {
  description = "Quality threshold of each contract by dataset; null where it sets none."
  value       = { for name, contract in local.contracts : name => try(contract.quality.threshold, null) }
}

output "reference_keys" {
  description = "Where each reference file is published, as keys of the scripts bucket."
  value       = { for name, object in aws_s3_object.reference : name => object.key }
}

output "schema_registry_name" {
  description = "Name of the schema registry; null without one."
  value       = one(aws_glue_registry.this[*].registry_name)
}

output "triggers" {
  description = "Triggers by key: name, and whether it fires by itself (enabled) or on demand only."
  value = { for key, trigger in merge(
    { start = aws_glue_trigger.start },
    { for key, trigger in aws_glue_trigger.after : replace(key, "_", "-") => trigger },
    { for trigger in aws_glue_trigger.maintenance : "maintenance" => trigger },
  ) : key => { name = trigger.name, enabled = trigger.enabled } }
}

output "workflow_name" {
  description = "Name of the Glue workflow."
  value       = aws_glue_workflow.this.name
}
