variable "name_prefix" {
  description = "Prefix of every name, <project>-<environment>."
  type        = string
}

variable "log_group_names" {
  description = "Log groups to make, by their key."
  type        = map(string)
}

variable "log_retention_days" {
  description = "Days that log lines are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days must be one of the periods CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the log groups."
  type        = string
}

variable "alerts_topic_arn" {
  description = "SNS topic that alarms and the budget publish to."
  type        = string
}

variable "job_names" {
  description = "Names of the Glue jobs by key."
  type        = map(string)
}

variable "lambda_names" {
  description = "Names of the Lambdas by key."
  type        = map(string)
}

variable "dead_letter_queue_names" {
  description = "Names of the dead-letter queues by key."
  type        = map(string)
}

variable "quality_thresholds" {
  description = "Quality score, 0 to 100, below which a dataset raises an alarm, by dataset."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for threshold in values(var.quality_thresholds) : threshold >= 0 && threshold <= 100])
    error_message = "Every value of quality_thresholds must be between 0 and 100."
  }
}

variable "environment" {
  description = "Name of the environment, a dimension of the quality metrics."
  type        = string
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the pipeline's own metrics."
  type        = string
}

variable "monthly_budget_usd" {
  description = "Monthly cost in US dollars of which 80 % raise an alert. Null: no budget."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget_usd == null || try(var.monthly_budget_usd > 0, false)
    error_message = "monthly_budget_usd must be above 0, or null."
  }
}

variable "budget_tags" {
  description = "Cost allocation tags, as key = value, that narrow the budget to this pipeline."
  type        = map(string)
  default     = {}
}
