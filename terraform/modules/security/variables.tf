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

variable "secret_recovery_window_days" {
  description = "Days for which a deleted secret can be restored, 7 to 30; 0 deletes it at once. Until then its name can't be used again."
  type        = number
  default     = 30

  validation {
    condition     = var.secret_recovery_window_days == 0 || (var.secret_recovery_window_days >= 7 && var.secret_recovery_window_days <= 30)
    error_message = "secret_recovery_window_days must be 0, or between 7 and 30."
  }
}

variable "pii_secret_value" {
  description = "Value of the secret for personal data, at least 32 random characters. It is used when there is no secret yet, or pii_secret_version was raised; otherwise it may be another one each time."
  type        = string
  ephemeral   = true
  sensitive   = true
  nullable    = false

  validation {
    condition     = length(var.pii_secret_value) >= 32
    error_message = "pii_secret_value must have at least 32 characters."
  }
}

variable "pii_secret_version" {
  description = "A higher number makes a new secret for personal data. Its hashes and tokens differ from those of the old one: docs/privacy.md says what has to be done with the tables first."
  type        = number
  default     = 1

  validation {
    condition     = var.pii_secret_version >= 1 && floor(var.pii_secret_version) == var.pii_secret_version
    error_message = "pii_secret_version must be a whole number of at least 1."
  }
}
