output "job_names" {
  description = "Names of the Glue jobs by key."
  value       = { for key, job in aws_glue_job.this : key => job.name }
}

output "workflow_name" {
  description = "Name of the Glue workflow."
  value       = aws_glue_workflow.this.name
}

output "database_name" {
  description = "Name of the Glue database."
  value       = aws_glue_catalog_database.this.name
}

output "processed_table_names" {
  description = "Catalog tables of the processed layer by dataset."
  value       = { for name, table in aws_glue_catalog_table.processed : name => table.name }
}

output "contract_keys" {
  description = "Where each dataset contract is published, as keys of the scripts bucket."
  value       = { for name, object in aws_s3_object.contract : name => object.key }
}

output "quality_thresholds" {
  description = "Quality threshold of each contract by dataset; null where it sets none."
  value       = { for name, contract in local.contracts : name => try(contract.quality.threshold, null) }
}

output "reference_keys" {
  description = "Where each reference file is published, as keys of the scripts bucket."
  value       = { for name, object in aws_s3_object.reference : name => object.key }
}

output "maintenance_trigger_name" {
  description = "Name of the trigger that maintains the tables on schedule; null without a schedule."
  value       = one(aws_glue_trigger.maintenance[*].name)
}
