variable "name_prefix" {
  description = "Prefix of every name, <project>-<environment>."
  type        = string
}

variable "bucket_arns" {
  description = "Bucket ARNs by layer. Given as text, so that roles need not wait for buckets."
  type = object({
    raw       = string
    processed = string
    curated   = string
    quality   = string
    scripts   = string
  })
}

variable "table_arns" {
  description = "ARNs of the DynamoDB tables."
  type = object({
    job_bookmarks = string
    job_state     = string
  })
}

variable "topic_arns" {
  description = "ARNs of the SNS topics."
  type = object({
    alerts        = string
    notifications = string
  })
}

variable "queue_arns" {
  description = "ARNs of the SQS queues that feed the Lambdas: data_events the trigger, job_events the monitoring."
  type = object({
    data_events = string
    job_events  = string
  })
}

variable "workflow_arn" {
  description = "ARN of the Glue workflow."
  type        = string
}

variable "job_arns" {
  description = "ARNs of the Glue jobs by key."
  type        = map(string)
}

variable "database_name" {
  description = "Name of the Glue database that the jobs read and write."
  type        = string
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the pipeline's own metrics."
  type        = string
}

variable "lambda_log_group_names" {
  description = "Log group of each Lambda: data_trigger and monitoring."
  type = object({
    data_trigger = string
    monitoring   = string
  })
}

variable "enable_vpc" {
  description = "Jobs run in a VPC: lets them use the network connections, and makes the role of the flow logs."
  type        = bool
  default     = false
}

variable "kms_deletion_window_days" {
  description = "Days between asking for the deletion of the KMS key and its deletion, 7 to 30."
  type        = number
  default     = 30

  validation {
    condition     = var.kms_deletion_window_days >= 7 && var.kms_deletion_window_days <= 30
    error_message = "kms_deletion_window_days must be between 7 and 30."
  }
}
