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
  description = "ARNs of the SNS topics by key. Jobs publish to alerts, the monitoring Lambda to all of them."
  type        = map(string)

  validation {
    condition     = length(setsubtract(["alerts", "notifications", "performance", "system_health"], keys(var.topic_arns))) == 0
    error_message = "topic_arns must have the keys alerts, notifications, performance and system_health; more are allowed."
  }
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

variable "service_roles" {
  description = "Roles to make for services beside the jobs: crawler, streaming (Firehose), table_optimizer, vpc_flow_logs."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.service_roles, ["crawler", "streaming", "table_optimizer", "vpc_flow_logs"])) == 0
    error_message = "service_roles may hold crawler, streaming, table_optimizer and vpc_flow_logs."
  }
}

variable "streaming_job" {
  description = <<-EOT
    What the streaming job may read; with it the job gets a role. stream_arn: a Kinesis stream. stream_key_arn: the KMS key
    of a stream that has another one than the pipeline's data. cluster_arn, topics: an MSK cluster with IAM, and topics in
    it. Null: there is no streaming job.
  EOT
  type = object({
    stream_arn     = optional(string)
    stream_key_arn = optional(string)
    cluster_arn    = optional(string)
    topics         = optional(list(string), [])
  })
  default = null

  validation {
    condition     = try(var.streaming_job.stream_arn, null) == null || can(regex("^arn:[a-z-]+:kinesis:[^:]+:[0-9]{12}:stream/.+$", var.streaming_job.stream_arn))
    error_message = "stream_arn of streaming_job must be the ARN of a Kinesis stream, such as arn:aws:kinesis:us-east-1:123456789012:stream/orders."
  }

  validation {
    condition     = try(var.streaming_job.cluster_arn, null) == null || can(regex("^arn:[a-z-]+:kafka:[^:]+:[0-9]{12}:cluster/[^/]+/.+$", var.streaming_job.cluster_arn))
    error_message = "cluster_arn of streaming_job must be the ARN of an MSK cluster, such as arn:aws:kafka:us-east-1:123456789012:cluster/name/uuid."
  }
}

variable "enable_vpc" {
  description = "Jobs run in a VPC: lets them use the network connections, and make network interfaces in subnet_ids."
  type        = bool
  default     = false
}

variable "vpc_id" {
  description = "VPC in which the jobs run. Null: none."
  type        = string
  default     = null
}

variable "subnet_ids" {
  description = "Subnets in which the jobs may make network interfaces."
  type        = list(string)
  default     = []
}

variable "security_group_ids" {
  description = "Security groups that the network interfaces of the jobs may have."
  type        = list(string)
  default     = []
}

variable "enable_lambda_tracing" {
  description = "Let the Lambdas send traces to X-Ray."
  type        = bool
  default     = false
}

variable "incoming_scan" {
  description = "What the data trigger does with what it reads of new files: off, report or quarantine. It may read them, and move them away, only as far as that needs."
  type        = string
  default     = "off"

  validation {
    condition     = contains(["off", "report", "quarantine"], var.incoming_scan)
    error_message = "incoming_scan must be off, report or quarantine."
  }
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds what every role may do, whatever is granted to it. Null: none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9a-z]*:policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy, such as arn:aws:iam::123456789012:policy/boundary."
  }
}

variable "connectors" {
  description = <<-EOT
    Which loaders of connectors get a role. api: the Lambda for REST APIs, with the queue that feeds it and its log group.
    database: the job for databases.
  EOT
  type = object({
    api      = optional(object({ queue_arn = string, log_group_name = string }))
    database = optional(bool, false)
  })
  default = {}
}

variable "connector_secrets" {
  description = <<-EOT
    Secrets with the credentials of sources and sinks, by a name of letters, digits and hyphens. description: what for.
    jobs: who may read it, by key: jobs, and the Lambda api_connector. rotation: a Lambda that changes the value every so many days; it must let
    Secrets Manager call it.
  EOT
  type = map(object({
    description = string
    jobs        = optional(set(string), ["data_ingestion"])
    rotation    = optional(object({ lambda_arn = string, days = optional(number, 30) }))
  }))
  default = {}

  validation {
    condition     = alltrue([for name in keys(var.connector_secrets) : can(regex("^[a-z0-9][a-z0-9-]{0,62}$", name))])
    error_message = "Names of connector_secrets may hold up to 63 lower-case letters, digits and hyphens."
  }

  validation {
    condition     = alltrue([for secret in var.connector_secrets : length(setsubtract(secret.jobs, ["api_connector", "data_ingestion", "data_processing", "data_quality", "database_ingestion"])) == 0])
    error_message = "jobs of connector_secrets may hold api_connector, database_ingestion, data_ingestion, data_processing and data_quality."
  }

  validation {
    condition     = alltrue([for secret in var.connector_secrets : try(secret.rotation.days >= 1 && secret.rotation.days <= 90, secret.rotation == null)])
    error_message = "rotation.days of connector_secrets must be between 1 and 90."
  }
}

variable "kms_rotation_days" {
  description = "Days after which KMS changes the key material by itself, 90 to 2560. What was encrypted before stays readable."
  type        = number
  default     = 365

  validation {
    condition     = var.kms_rotation_days >= 90 && var.kms_rotation_days <= 2560
    error_message = "kms_rotation_days must be between 90 and 2560."
  }
}

variable "kms_deletion_window_days" {
  description = "Days between asking for the deletion of the KMS keys and their deletion, 7 to 30."
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
