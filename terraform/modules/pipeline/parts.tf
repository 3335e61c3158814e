# Everything that a deployment consists of, by kind and key, and what was asked for it. scripts/check_deployment_status.sh
# reads this from the outputs, so that it guesses no name; its checks are in scripts/deployment_status/checks.py.
locals {
  parts = {
    buckets = merge(
      module.storage.bucket_names,
      { for name in module.storage.access_log_bucket_name[*] : "access_logs" => name },
    )
    tables             = module.storage.table_names
    keys               = module.security.kms_key_arns
    secrets            = merge({ pii = module.security.pii_secret_arn }, module.security.connector_secret_arns)
    topics             = module.events.topic_arns
    queues             = merge(module.events.queue_urls, module.connectors[*].queue_urls...)
    dead_letter_queues = merge(module.events.dead_letter_queue_urls, module.connectors[*].dead_letter_queue_urls...)
    rules              = merge(module.events.rule_names, module.connectors[*].rule_names...)
    lambdas            = merge(module.events.lambda_names, module.connectors[*].lambda_names...)
    event_sources      = merge(module.events.event_source_mapping_ids, module.connectors[*].event_source_mapping_ids...)
    databases          = { catalog = module.glue.database_name }
    jobs               = merge(module.glue.job_names, module.connectors[*].job_names...)
    workflows          = { etl = module.glue.workflow_name }
    triggers           = merge({ for key, trigger in module.glue.triggers : key => trigger.name }, module.connectors[*].trigger_names...)
    crawlers           = module.glue.crawler_names
    connections        = { for name in flatten(module.networking[*].glue_connection_names) : name => name }
    contracts          = module.glue.contract_keys
    alarms             = merge(module.monitoring.alarm_names, { health = module.monitoring.health_alarm_name })
    log_groups         = module.monitoring.log_group_names
    dashboards         = module.monitoring.dashboard_names
    workgroups         = { athena = module.athena.workgroup_name }
    streams            = { for stream in module.streaming : "records" => stream.stream_name }
    delivery_streams   = { for stream in module.streaming : "raw" => stream.delivery_stream_name if stream.delivery_stream_name != null }
  }

  # What is to be found there where it can be one or the other.
  expected = {
    point_in_time_recovery = var.point_in_time_recovery
    deletion_protection    = var.deletion_protection
    log_retention_days     = var.log_retention_days
    enabled_triggers       = concat([for key, trigger in module.glue.triggers : key if trigger.enabled], flatten([for one in module.connectors : keys(one.trigger_names)]))
    vital_alarms           = concat(module.monitoring.vital_alarm_keys, ["health"])
  }
}
