variable "queue_names" {
  description = "Names of the queues that feed the Lambdas; each gets a dead-letter queue of the same name with -dlq."
  type = object({
    data_events = string
    job_events  = string
  })
}

variable "topic_names" {
  description = "Names of the SNS topics: alerts (quality, refused data, alarms) and notifications (job success and failure)."
  type = object({
    alerts        = string
    notifications = string
  })
}

variable "queue_arns" {
  description = "ARNs that the queues of queue_names will have."
  type = object({
    data_events = string
    job_events  = string
  })
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the topics and the environment of the Lambdas."
  type        = string
}

variable "raw_bucket_name" {
  description = "Bucket whose new objects start the workflow."
  type        = string
}

variable "incoming_prefix" {
  description = "Key prefix under which new files arrive."
  type        = string
}

variable "job_names" {
  description = "Glue jobs whose state changes are told to the monitoring Lambda."
  type        = list(string)
}

variable "lambdas" {
  description = <<-EOT
    The two Lambdas. zip: their code, made by terraform/scripts/package.py. role_arn, log_group_name: made elsewhere.
    environment: variables beside LOG_LEVEL and Powertools' service name. memory_mb, timeout_seconds: limits of one call.
    batch_size, batching_window_seconds: how many messages one call takes, and how long it may wait for them.
    max_receive_count: how often a message is tried, six timeouts apart, before it goes to the dead-letter queue.
  EOT
  type = map(object({
    name                    = string
    description             = string
    zip                     = string
    role_arn                = string
    log_group_name          = string
    environment             = map(string)
    memory_mb               = optional(number, 256)
    timeout_seconds         = optional(number, 60)
    batch_size              = optional(number, 100)
    batching_window_seconds = optional(number, 5)
    max_receive_count       = optional(number, 10)
  }))

  validation {
    condition     = toset(keys(var.lambdas)) == toset(["data_trigger", "monitoring"])
    error_message = "lambdas must have exactly the keys data_trigger and monitoring."
  }

  validation {
    condition     = alltrue([for lambda in var.lambdas : lambda.batching_window_seconds >= 1 || lambda.batch_size <= 10])
    error_message = "A batch_size above 10 needs a batching_window_seconds of at least 1."
  }

  validation {
    condition     = alltrue([for lambda in var.lambdas : lambda.max_receive_count >= 1 && lambda.max_receive_count <= 1000])
    error_message = "max_receive_count must be between 1 and 1000."
  }
}

variable "lambda_runtime" {
  description = "Python runtime of the Lambdas."
  type        = string
  default     = "python3.12"

  validation {
    condition     = contains(["python3.11", "python3.12", "python3.13"], var.lambda_runtime)
    error_message = "lambda_runtime must be python3.11, python3.12 or python3.13."
  }
}

variable "log_level" {
  description = "Lowest level that the Lambdas log."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "log_level must be DEBUG, INFO, WARNING or ERROR."
  }
}

variable "alert_emails" {
  description = "Mail addresses subscribed to alerts and notifications. Each gets a mail from AWS to confirm."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "Every entry of alert_emails must be a mail address."
  }
}
