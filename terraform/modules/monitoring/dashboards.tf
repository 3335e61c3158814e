# Dashboards: lists of graphs, laid out in two columns. A graph's metrics are what CloudWatch's dashboards call them.
locals {
  own      = var.metrics_namespace
  job_list = [for key in sort(keys(var.jobs)) : merge(var.jobs[key], { id = key })]

  # Glue's own metrics of a job, over all its runs.
  glue_gauge = { for job in local.job_list : job.id => ["JobName", job.name, "JobRunId", "ALL", "Type", "gauge"] }
  glue_count = { for job in local.job_list : job.id => ["JobName", job.name, "JobRunId", "ALL", "Type", "count"] }

  # All datasets that there are, also those without a contract.
  by_dataset = { for metric in ["Anomalies", "FilesRefused", "QualityScore", "RowsCurated", "RowsRead", "RowsRefused", "RowsRejected", "RowsWritten", "RulesFailed", "TableRows"] :
    metric => "SEARCH('{${local.own},Environment,Dataset} MetricName=\"${metric}\" Environment=\"${var.environment}\"', '%s', 300)"
  }

  operations_graphs = [
    { title = "Successful runs", stat = "Sum", metrics = [for job in local.job_list : [local.own, "JobSuccesses", "JobName", job.name]] },
    { title = "Failed runs", stat = "Sum", metrics = [for job in local.job_list : [local.own, "JobFailures", "JobName", job.name]] },
    {
      title  = "Success rate in percent, by day"
      stat   = "Sum"
      period = 86400
      metrics = concat(
        [for job in local.job_list : [local.own, "JobSuccesses", "JobName", job.name, { id = "good_${job.id}", visible = false }]],
        [for job in local.job_list : [local.own, "JobFailures", "JobName", job.name, { id = "bad_${job.id}", visible = false }]],
        [for job in local.job_list : [{ id = "rate_${job.id}", label = job.name, expression = "100 * good_${job.id} / (good_${job.id} + bad_${job.id})" }]],
      )
    },
    { title = "Duration in seconds", stat = "Maximum", metrics = [for job in local.job_list : [local.own, "JobDuration", "JobName", job.name]] },
    { title = "Duration of the whole workflow in seconds", stat = "Maximum", metrics = [[local.own, "WorkflowDuration", "WorkflowName", var.workflow_name]] },
    { title = "Errors that Glue counted", stat = "Sum", metrics = [for job in local.job_list : concat(["Glue", "glue.error.ALL"], local.glue_count[job.id], ["ObservabilityGroup", "error"])] },
    { title = "Use of the workers", stat = "Average", metrics = [for job in local.job_list : concat(["Glue", "glue.driver.workerUtilization"], local.glue_gauge[job.id], ["ObservabilityGroup", "resource_utilization"])] },
    {
      title = "Memory in use, driver and executors"
      stat  = "Maximum"
      metrics = concat(
        [for job in local.job_list : concat(["Glue", "glue.driver.jvm.heap.usage"], local.glue_gauge[job.id])],
        [for job in local.job_list : concat(["Glue", "glue.ALL.jvm.heap.usage"], local.glue_gauge[job.id])],
      )
    },
    { title = "Processor load", stat = "Average", metrics = [for job in local.job_list : concat(["Glue", "glue.ALL.system.cpuSystemLoad"], local.glue_gauge[job.id])] },
    {
      title = "Executors: there, and needed"
      stat  = "Maximum"
      metrics = concat(
        [for job in local.job_list : concat(["Glue", "glue.driver.ExecutorAllocationManager.executors.numberAllExecutors"], local.glue_gauge[job.id])],
        [for job in local.job_list : concat(["Glue", "glue.driver.ExecutorAllocationManager.executors.numberMaxNeededExecutors"], local.glue_gauge[job.id])],
      )
    },
    { title = "Disk that Spark's blocks take, MB", stat = "Maximum", metrics = [for job in local.job_list : concat(["Glue", "glue.driver.BlockManager.disk.diskSpaceUsed_MB"], local.glue_gauge[job.id])] },
    { title = "Dead letters", stat = "Maximum", metrics = [for key in sort(keys(var.dead_letter_queue_names)) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.dead_letter_queue_names[key]]] },
    {
      title = "Lambdas: errors and throttles"
      stat  = "Sum"
      metrics = concat(
        [for key in sort(keys(var.lambda_names)) : ["AWS/Lambda", "Errors", "FunctionName", var.lambda_names[key]]],
        [for key in sort(keys(var.lambda_names)) : ["AWS/Lambda", "Throttles", "FunctionName", var.lambda_names[key]]],
      )
    },
  ]

  data_graphs = [
    { title = "Files", stat = "Sum", metrics = [for metric in ["FilesArrived", "FilesKnown", "FilesRefused", "WorkflowsStarted"] : [local.own, metric, "WorkflowName", var.workflow_name]] },
    { title = "Rows read", stat = "Sum", metrics = [[{ expression = format(local.by_dataset.RowsRead, "Sum") }]] },
    { title = "Rows standardised", stat = "Sum", metrics = [[{ expression = format(local.by_dataset.RowsWritten, "Sum") }]] },
    { title = "Rows refused by ingestion, rejected by processing", stat = "Sum", metrics = [[{ expression = format(local.by_dataset.RowsRefused, "Sum") }], [{ expression = format(local.by_dataset.RowsRejected, "Sum") }]] },
    { title = "Rows curated", stat = "Sum", metrics = [[{ expression = format(local.by_dataset.RowsCurated, "Sum") }]] },
    { title = "Rows in the curated tables", stat = "Maximum", metrics = [[{ expression = format(local.by_dataset.TableRows, "Maximum") }]] },
    { title = "Files refused", stat = "Sum", metrics = [[{ expression = format(local.by_dataset.FilesRefused, "Sum") }]] },
    { title = "Quality score", stat = "Minimum", metrics = [[{ expression = format(local.by_dataset.QualityScore, "Minimum") }]] },
    { title = "Rules that do not hold", stat = "Maximum", metrics = [[{ expression = format(local.by_dataset.RulesFailed, "Maximum") }]] },
    { title = "Unusual metrics", stat = "Maximum", metrics = [[{ expression = format(local.by_dataset.Anomalies, "Maximum") }]] },
  ]

  # An upper bound: runs that scale down, or are Flex, cost less.
  dpu_hours = { for job in local.job_list : job.id => "seconds_${job.id} * ${job.dpus} / 3600" }

  cost_graphs = [
    {
      title  = "DPU hours, by day"
      stat   = "Sum"
      period = 86400
      metrics = concat(
        [for job in local.job_list : [local.own, "JobDuration", "JobName", job.name, { id = "seconds_${job.id}", visible = false }]],
        [for job in local.job_list : [{ id = "hours_${job.id}", label = job.name, expression = local.dpu_hours[job.id] }]],
      )
    },
    {
      title  = "Cost of the jobs in US dollars at most, by day"
      stat   = "Sum"
      period = 86400
      metrics = concat(
        [for job in local.job_list : [local.own, "JobDuration", "JobName", job.name, { id = "seconds_${job.id}", visible = false }]],
        [for job in local.job_list : [{ id = "cost_${job.id}", label = job.name, expression = "${local.dpu_hours[job.id]} * ${var.dpu_hour_price_usd}" }]],
      )
    },
    { title = "Cost of the jobs in US dollars as Glue counts DPU hours, by day", stat = "Sum", period = 86400, metrics = [for job in local.job_list : [local.own, "JobCost", "JobName", job.name]] },
    { title = "Bytes in Standard storage", stat = "Average", period = 86400, metrics = [for layer in sort(keys(var.bucket_names)) : ["AWS/S3", "BucketSizeBytes", "BucketName", var.bucket_names[layer], "StorageType", "StandardStorage"]] },
    { title = "Objects", stat = "Average", period = 86400, metrics = [for layer in sort(keys(var.bucket_names)) : ["AWS/S3", "NumberOfObjects", "BucketName", var.bucket_names[layer], "StorageType", "AllStorageTypes"]] },
    {
      title = "Units of DynamoDB, read and written"
      stat  = "Sum"
      metrics = concat(
        [for key in sort(keys(var.table_names)) : ["AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName", var.table_names[key]]],
        [for key in sort(keys(var.table_names)) : ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", var.table_names[key]]],
      )
    },
    { title = "Calls of the Lambdas", stat = "Sum", metrics = [for key in sort(keys(var.lambda_names)) : ["AWS/Lambda", "Invocations", "FunctionName", var.lambda_names[key]]] },
  ]

  dashboard_graphs = { operations = local.operations_graphs, data = local.data_graphs, cost = local.cost_graphs }

  dashboard_bodies = { for name, graphs in local.dashboard_graphs : name => jsonencode({
    widgets = [for index, graph in graphs : {
      type   = "metric"
      x      = 12 * (index % 2)
      y      = 6 * floor(index / 2)
      width  = 12
      height = 6
      properties = {
        title   = graph.title
        metrics = graph.metrics
        stat    = graph.stat
        region  = local.region
        period  = try(graph.period, 300)
        view    = "timeSeries"
      }
    } if length(graph.metrics) > 0]
  }) }
}

resource "aws_cloudwatch_dashboard" "this" {
  for_each = var.dashboards

  dashboard_name = "${var.name_prefix}-${each.key}"
  dashboard_body = local.dashboard_bodies[each.key]
}
