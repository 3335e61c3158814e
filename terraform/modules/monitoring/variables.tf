variable "name_prefix" {
  description = "Prefix of every name, <project>-<environment>."
  type        = string
}

variable "environment" {
  description = "Name of the environment, a dimension of the datasets' metrics."
  type        = string
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the pipeline's own metrics."
  type        = string
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the log groups."
  type        = string
}

variable "topic_arns" {
  description = "SNS topics that alarms, budget and cost anomalies publish to."
  type = object({
    alerts        = string
    notifications = string
    performance   = string
    system_health = string
  })
}

# Logs

variable "log_group_names" {
  description = "Log groups to make, by their key."
  type        = map(string)
}

variable "log_retention_days" {
  description = "Days that log lines are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of the periods CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "saved_queries" {
  description = "Queries to keep in CloudWatch Logs Insights, by name. log_groups: keys of log_group_names. query: its text."
  type = map(object({
    log_groups = set(string)
    query      = string
  }))
  default = {}

  validation {
    condition     = alltrue([for query in var.saved_queries : length(query.log_groups) > 0 && length(setsubtract(query.log_groups, keys(var.log_group_names))) == 0])
    error_message = "Every saved query needs log_groups, and each must be a key of log_group_names."
  }
}

# What is watched

variable "jobs" {
  description = "The Glue jobs by key. name: full name. dpus: the most data processing units a run may have, for the cost dashboard. endless: it runs until it is stopped, so its duration tells nothing."
  type = map(object({
    name    = string
    dpus    = number
    endless = optional(bool, false)
  }))
}

variable "workflow_name" {
  description = "Name of the Glue workflow, a dimension of the metrics of arriving files."
  type        = string
}

variable "lambda_names" {
  description = "Names of the Lambdas by key."
  type        = map(string)
}

variable "rule_names" {
  description = "Names of the EventBridge rules by key."
  type        = map(string)
  default     = {}
}

variable "dead_letter_queue_names" {
  description = "Names of the dead-letter queues by key."
  type        = map(string)
}

variable "table_names" {
  description = "Names of the DynamoDB tables by key."
  type        = map(string)
  default     = {}
}

variable "bucket_names" {
  description = "Names of the buckets whose size the cost dashboard shows, by layer."
  type        = map(string)
  default     = {}
}

variable "stream_names" {
  description = "Names of the Kinesis streams by key; empty without streaming."
  type        = map(string)
  default     = {}
}

variable "delivery_stream_names" {
  description = "Names of the Firehose streams by key; empty without streaming."
  type        = map(string)
  default     = {}
}

# When to alarm

variable "quality_thresholds" {
  description = "Quality score, 0 to 100, below which a dataset raises an alarm, by dataset."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for threshold in values(var.quality_thresholds) : threshold >= 0 && threshold <= 100])
    error_message = "Every value of quality_thresholds must be between 0 and 100."
  }
}

variable "duration_band_width" {
  description = "How far a run's duration may be from what is usual for the job, in standard deviations, before it raises an alarm. Null: no such alarms."
  type        = number
  default     = 3

  validation {
    condition     = var.duration_band_width == null || try(var.duration_band_width > 0, false)
    error_message = "duration_band_width must be above 0, or null."
  }
}

variable "no_data_hours" {
  description = "Hours without a new file, 1 to 168, after which an alarm is raised. Null: files may stay away as long as they like."
  type        = number
  default     = null

  validation {
    condition     = var.no_data_hours == null || try(contains(range(1, 169), var.no_data_hours), false)
    error_message = "no_data_hours must be a whole number between 1 and 168 (a week, as far as CloudWatch looks back), or null."
  }
}

variable "dataset_no_data_hours" {
  description = "The same for single datasets: hours, 1 to 168, without new rows, by dataset."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for hours in values(var.dataset_no_data_hours) : contains(range(1, 169), hours)])
    error_message = "Every value of dataset_no_data_hours must be a whole number between 1 and 168."
  }
}

variable "delivery_delay_minutes" {
  description = "Minutes that the oldest record of a Firehose stream may wait before an alarm is raised."
  type        = number
  default     = 30

  validation {
    condition     = var.delivery_delay_minutes >= 1
    error_message = "delivery_delay_minutes must be at least 1."
  }
}

# Dashboards and cost

variable "dashboards" {
  description = "Which dashboards to make: operations (runs, errors, success rate, durations, resources), data (volumes, quality), cost. CloudWatch gives three an account for nothing."
  type        = set(string)
  default     = ["operations", "data", "cost"]

  validation {
    condition     = length(setsubtract(var.dashboards, ["operations", "data", "cost"])) == 0
    error_message = "dashboards may hold operations, data and cost."
  }
}

variable "dpu_hour_price_usd" {
  description = "Price of a DPU hour in US dollars, for the cost dashboard's estimate."
  type        = number
  default     = 0.44

  validation {
    condition     = var.dpu_hour_price_usd > 0
    error_message = "dpu_hour_price_usd must be above 0."
  }
}

variable "monthly_budget_usd" {
  description = "Monthly cost in US dollars that the budget watches. Null: no budget."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget_usd == null || try(var.monthly_budget_usd > 0, false)
    error_message = "monthly_budget_usd must be above 0, or null."
  }
}

variable "budget_alerts" {
  description = "At which percentages of the budget to tell: of what was spent (actual), of what the month is going to cost (forecasted)."
  type = object({
    actual     = optional(set(number), [80, 100])
    forecasted = optional(set(number), [100])
  })
  default = {}

  validation {
    condition     = alltrue([for percent in setunion(var.budget_alerts.actual, var.budget_alerts.forecasted) : percent > 0 && percent <= 1000])
    error_message = "Every percentage of budget_alerts must be above 0 and at most 1000."
  }
}

variable "cost_anomaly_usd" {
  description = "Impact in US dollars from which an unusual cost is told. Null: no cost anomaly monitor."
  type        = number
  default     = null

  validation {
    condition     = var.cost_anomaly_usd == null || try(var.cost_anomaly_usd > 0, false)
    error_message = "cost_anomaly_usd must be above 0, or null."
  }
}

variable "cost_tag" {
  description = "The cost allocation tag that tells this pipeline's cost from others', for budget and cost anomalies. It has to be activated in the account's billing settings once."
  type = object({
    key   = string
    value = string
  })
}
