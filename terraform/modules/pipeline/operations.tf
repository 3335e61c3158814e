# What the modules of operation get that is neither a name of names.tf nor a variable: topics, log groups, queries.
locals {
  topics = { for key, topic in {
    alerts        = { display_name = "${local.prefix} data" }
    notifications = { display_name = "${local.prefix} jobs" }
    performance   = { display_name = "${local.prefix} performance and cost", publishers = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com", "costalerts.amazonaws.com"] }
    system_health = { display_name = "${local.prefix} health" }
  } : key => merge({ name = local.topic_names[key], publishers = ["cloudwatch.amazonaws.com"] }, topic) }

  # Messages that the Lambdas get by the clock.
  schedules = { for key, schedule in {
    health_summary = {
      description = "Asks the monitoring Lambda how the pipeline is"
      expression  = var.health_summary_schedule
      queue       = "job_events"
    }
    sweep = {
      description = "Asks the trigger Lambda for files and batches that no event has led to"
      expression  = var.sweep_schedule
      queue       = "data_events"
    }
  } : key => merge(schedule, { name = "${local.prefix}-${replace(key, "_", "-")}", input = jsonencode({ kind = key }) }) if schedule.expression != null }

  stream_name          = "${local.prefix}-records"
  delivery_stream_name = "${local.prefix}-raw"

  # Glue adds the name of the security configuration to the groups it logs to, which makes them this pipeline's own. Made
  # here, they have a retention; Glue itself would keep them for ever.
  job_log_group_names = { for key, name in { jobs_error = "error", jobs_output = "output", jobs_continuous = "logs-v2" } :
    key => "/aws-glue/jobs/${name}-${local.prefix}-security"
  }

  delivery_log_group_names = { for key, name in { delivery = "/aws/kinesisfirehose/${local.delivery_stream_name}" } : key => name if local.service_roles.streaming }

  # The local cloud's jobs log to the groups of a job without a security configuration.
  job_log_group_name = var.environment == "local" ? "/aws-glue/jobs/error" : local.job_log_group_names.jobs_error

  saved_queries = {
    "jobs - errors" = {
      log_groups = ["jobs_continuous", "jobs_error"]
      query      = <<-EOT
        fields @timestamp, @logStream, @message
        | filter @message like /ERROR|Traceback|Exception/
        | sort @timestamp desc
        | limit 200
      EOT
    }
    "jobs - one run, from its beginning" = {
      log_groups = ["jobs_continuous", "jobs_error", "jobs_output"]
      query      = <<-EOT
        fields @timestamp, @message
        | filter @logStream like /jr_PUT_THE_RUN_ID_HERE/
        | sort @timestamp asc
        | limit 1000
      EOT
    }
    "files - arrived, known, refused by hour" = {
      log_groups = ["data_trigger"]
      query      = <<-EOT
        filter ispresent(verdict)
        | stats count(*) as files by verdict, bin(1h)
      EOT
    }
    "files - refused, and why" = {
      log_groups = ["data_trigger"]
      query      = <<-EOT
        fields @timestamp, key, message
        | filter verdict = "refused"
        | sort @timestamp desc
        | limit 200
      EOT
    }
    "lambdas - errors" = {
      log_groups = ["data_trigger", "monitoring"]
      query      = <<-EOT
        fields @timestamp, @log, message, exception
        | filter level = "ERROR" or @message like /Task timed out|Runtime exited/
        | sort @timestamp desc
        | limit 200
      EOT
    }
    "lambdas - time and memory" = {
      log_groups = ["data_trigger", "monitoring"]
      query      = <<-EOT
        filter @type = "REPORT"
        | stats count(*) as calls, avg(@duration) as ms, pct(@duration, 99) as slowest_ms, max(@maxMemoryUsed / 1000 / 1000) as memory_mb by @log, bin(1h)
      EOT
    }
  }

  # Days are texts (2024/01/31), and every query names some: without, Athena would look into each day since 2024.
  results    = "${local.database_name}.${module.glue.quality_results_table_name}"
  last_week  = "day >= date_format(current_date - interval '7' day, '%Y/%m/%d')"
  last_month = "day >= date_format(current_date - interval '30' day, '%Y/%m/%d')"

  named_queries = merge(
    {
      "quality - newest check of each dataset" = {
        description = "Score, threshold and report of the newest check of each dataset within 30 days"
        query       = <<-EOT
          SELECT dataset, max_by(score, checked_at) AS score, max_by(threshold, checked_at) AS threshold,
                 max_by(passed, checked_at) AS passed, max(checked_at) AS checked_at, max_by(report, checked_at) AS report
          FROM ${local.results}
          WHERE ${local.last_month}
          GROUP BY dataset
          ORDER BY score
        EOT
      }
      "quality - score by day" = {
        description = "Lowest and mean score of each dataset by day"
        query       = <<-EOT
          SELECT day, dataset, min(score) AS lowest, avg(score) AS mean, count(*) AS checks
          FROM ${local.results}
          WHERE ${local.last_month}
          GROUP BY day, dataset
          ORDER BY day, dataset
        EOT
      }
      "quality - rules that fail most" = {
        description = "Rules that did not hold in the last week, and how many rows broke them"
        query       = <<-EOT
          SELECT dataset, rule, dimension, critical, count(*) AS times, max(failed_rows) AS most_failed_rows, max_by(message, checked_at) AS newest_message
          FROM ${local.results}
          CROSS JOIN UNNEST(rules) AS t(rule, rule_type, dimension, outcome, critical, ratio, rows_checked, failed_rows, message)
          WHERE ${local.last_week} AND outcome <> 'Passed'
          GROUP BY dataset, rule, dimension, critical
          ORDER BY times DESC, most_failed_rows DESC
        EOT
      }
      "quality - empty values by column" = {
        description = "Share of empty values of each column, by check, in the last week"
        query       = <<-EOT
          SELECT dataset, column_name, checked_at, 100.0 * nulls / nullif(rows_checked, 0) AS percent_empty
          FROM ${local.results}
          CROSS JOIN UNNEST(column_profiles) AS t(column_name, column_type, rows_checked, nulls, distinct_values)
          WHERE ${local.last_week}
          ORDER BY dataset, column_name, checked_at
        EOT
      }
      "rows - refused, and why" = {
        description = "Rows that were not written in the last week, by reason"
        query       = <<-EOT
          SELECT dataset, reason, sum(refused_rows) AS refused_rows, max(checked_at) AS newest
          FROM ${local.results}
          CROSS JOIN UNNEST(refused) AS t(reason, refused_rows)
          WHERE ${local.last_week}
          GROUP BY dataset, reason
          ORDER BY refused_rows DESC
        EOT
      }
    },
    { for dataset, table in module.glue.processed_table_names : "processed - rows of ${dataset} by day" => {
      description = "Standardised rows of ${dataset} by the day of their files and batch"
      query       = <<-EOT
        SELECT year, month, day, batch_id, count(*) AS rows_of_batch
        FROM ${local.database_name}.${table}
        GROUP BY year, month, day, batch_id
        ORDER BY year DESC, month DESC, day DESC
        LIMIT 100
      EOT
    } },
  )
}
