variable "name_prefix" {
  description = "Prefix of every name, <project>-<environment>."
  type        = string
}

variable "connectors" {
  description = "The connectors by name, each as JSON: what its YAML file holds. src/config/connector.schema.json says what that may be."
  type        = map(string)

  validation {
    condition     = alltrue([for text in var.connectors : can(jsondecode(text).rest) != can(jsondecode(text).database)])
    error_message = "Every connector must be JSON with either rest or database."
  }

  validation {
    condition     = alltrue([for name, text in var.connectors : try(jsondecode(text).name, "") == name])
    error_message = "A connector's name must be the name of its file."
  }

  validation {
    condition     = alltrue([for text in var.connectors : can(regex("^(rate|cron)\\(.+\\)$", jsondecode(text).schedule)) || !can(jsondecode(text).schedule)])
    error_message = "A connector's schedule must look like rate(15 minutes) or cron(0 2 * * ? *)."
  }

  validation {
    condition     = alltrue([for text in var.connectors : !(can(jsondecode(text).database) && can(regex("^rate", jsondecode(text).schedule)))])
    error_message = "Glue's triggers know no rate(…): the schedule of a database must be cron(…), such as cron(0/15 * * * ? *)."
  }
}

variable "api_loader" {
  description = <<-EOT
    The Lambda for REST APIs. zip: its code, made by terraform/scripts/package.py. role_arn, log_group_name: made elsewhere;
    null where there is no API. timeout_seconds: of one call; what is left is for the next one. maximum_concurrency: APIs that
    are loaded at a time.
  EOT
  type = object({
    name                = string
    zip                 = string
    role_arn            = optional(string)
    log_group_name      = optional(string)
    memory_mb           = optional(number, 1024)
    timeout_seconds     = optional(number, 900)
    maximum_concurrency = optional(number, 5)
  })

  validation {
    condition     = var.api_loader.timeout_seconds >= 60 && var.api_loader.timeout_seconds <= 900
    error_message = "timeout_seconds of api_loader must be between 60 and 900: the last 30 seconds are kept for putting the last file."
  }

  validation {
    condition     = var.api_loader.maximum_concurrency >= 2 && var.api_loader.maximum_concurrency <= 1000
    error_message = "maximum_concurrency of api_loader must be between 2 and 1000."
  }
}

variable "database_loader" {
  description = <<-EOT
    The Glue Python-shell job for databases. script: its entry point. wheel: what it imports, made by
    terraform/scripts/package.py. role_arn: null where there is no database. max_capacity: 0.0625 or 1 DPU. drivers: packages
    of PyPI beside those that Glue brings, such as oracledb==2.5.1; they need a way to PyPI.
  EOT
  type = object({
    name            = string
    script          = string
    wheel           = string
    role_arn        = optional(string)
    max_capacity    = optional(number, 0.0625)
    timeout_minutes = optional(number, 120)
    max_retries     = optional(number, 0)
    drivers         = optional(list(string), [])
  })

  validation {
    condition     = contains([0.0625, 1], var.database_loader.max_capacity)
    error_message = "max_capacity of database_loader must be 0.0625 or 1: Python-shell jobs come in no other size."
  }
}

variable "queue_name" {
  description = "Name of the queue that feeds the Lambda; its dead-letter queue has the same name with -dlq."
  type        = string
}

variable "queue_arn" {
  description = "ARN that the queue will have."
  type        = string
}

variable "raw_bucket_name" {
  description = "Bucket that the rows go to."
  type        = string
}

variable "scripts_bucket_name" {
  description = "Bucket that connectors and code are published to."
  type        = string
}

variable "state_table_name" {
  description = "DynamoDB table that keeps the cursors."
  type        = string
}

variable "secret_prefix" {
  description = "What the names of connectors' secrets begin with; the rest is the name in connector_secrets."
  type        = string
}

variable "telemetry_key_arn" {
  description = "KMS key that encrypts the environment of the Lambda."
  type        = string
}

variable "security_configuration" {
  description = "Name of the Glue security configuration of the job."
  type        = string
}

variable "connections" {
  description = "Names of the network connections of the job, through which it reaches databases in a VPC. Empty: outside a VPC."
  type        = list(string)
  default     = []
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the pipeline's own metrics."
  type        = string
}

variable "lambda_tracing" {
  description = "Whether X-Ray traces the Lambda: Active or PassThrough."
  type        = string
  default     = "PassThrough"

  validation {
    condition     = contains(["Active", "PassThrough"], var.lambda_tracing)
    error_message = "lambda_tracing must be Active or PassThrough."
  }
}

variable "log_level" {
  description = "Lowest level that the Lambda logs."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "log_level must be DEBUG, INFO, WARNING or ERROR."
  }
}
