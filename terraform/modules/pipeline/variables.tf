# Naming

variable "environment" {
  description = "Environment that is deployed: local, dev, staging or prod."
  type        = string

  validation {
    condition     = contains(["local", "dev", "staging", "prod"], var.environment)
    error_message = "environment must be local, dev, staging or prod."
  }
}

variable "project_name" {
  description = "Project name; <project_name>-<environment> begins every name."
  type        = string
  default     = "glue-etl-pipeline"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,28}[a-z0-9]$", var.project_name))
    error_message = "project_name must have 3 to 30 characters: lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen. Longer ones make bucket and role names too long."
  }
}

variable "bucket_suffix" {
  description = "Added to every bucket name, because bucket names are global: an account number, for instance. Null: nothing is added."
  type        = string
  default     = null

  validation {
    condition     = var.bucket_suffix == null || can(regex("^[a-z0-9][a-z0-9-]{0,12}[a-z0-9]$|^[a-z0-9]$", var.bucket_suffix))
    error_message = "bucket_suffix may hold up to 14 lower-case letters, digits and hyphens, without a hyphen at its ends."
  }
}

# Glue

variable "glue_version" {
  description = "Glue version of the jobs. 4.0 is Spark 3.3 on Python 3.10, 5.0 and 5.1 Spark 3.5 on Python 3.11, 6.0 Spark 4.1 on Python 3.13."
  type        = string
  default     = "5.1"

  validation {
    condition     = contains(["4.0", "5.0", "5.1", "6.0"], var.glue_version)
    error_message = "glue_version must be 4.0, 5.0, 5.1 or 6.0."
  }
}

variable "python_version" {
  description = "Python version you expect of the jobs. The Glue version decides which one runs; where the two differ, plan warns. 3 takes what Glue brings."
  type        = string
  default     = "3"

  validation {
    condition     = contains(["3", "3.9", "3.10", "3.11", "3.13"], var.python_version)
    error_message = "python_version must be 3, 3.9, 3.10, 3.11 or 3.13."
  }
}

variable "worker_type" {
  description = "Size of a Glue worker: G.1X is 4 vCPU and 16 GB, each next one twice that."
  type        = string
  default     = "G.1X"

  validation {
    condition     = contains(["G.025X", "G.1X", "G.2X", "G.4X", "G.8X"], var.worker_type)
    error_message = "worker_type must be G.025X, G.1X, G.2X, G.4X or G.8X."
  }
}

variable "number_of_workers" {
  description = "Workers of each job, the driver included, 2 to 299."
  type        = number
  default     = 2

  validation {
    condition     = var.number_of_workers >= 2 && var.number_of_workers <= 299
    error_message = "number_of_workers must be between 2 and 299."
  }
}

variable "job_timeout_minutes" {
  description = "Minutes after which a job run is ended."
  type        = number
  default     = 120

  validation {
    condition     = var.job_timeout_minutes >= 1 && var.job_timeout_minutes <= 10080
    error_message = "job_timeout_minutes must be between 1 and 10080 (7 days)."
  }
}

variable "job_max_retries" {
  description = "How often Glue starts a failed job again by itself."
  type        = number
  default     = 0

  validation {
    condition     = var.job_max_retries >= 0 && var.job_max_retries <= 10
    error_message = "job_max_retries must be between 0 and 10."
  }
}

variable "schedule" {
  description = "When the workflow starts by itself, in UTC, such as cron(0 2 * * ? *). Null: when files arrive, and on demand."
  type        = string
  default     = null

  validation {
    condition     = var.schedule == null || can(regex("^(cron|rate)\\(.+\\)$", var.schedule))
    error_message = "schedule must look like cron(0 2 * * ? *) or rate(1 hour)."
  }
}

variable "maintenance_schedule" {
  description = "When the tables are maintained (compaction, expiry, vacuum), as an AWS cron expression in UTC, such as cron(0 4 ? * SUN *). Null: only by hand, with the job argument --maintain true."
  type        = string
  default     = "cron(0 4 ? * SUN *)"

  validation {
    condition     = var.maintenance_schedule == null || can(regex("^(cron|rate)\\(.+\\)$", var.maintenance_schedule))
    error_message = "maintenance_schedule must look like cron(0 4 ? * SUN *) or rate(7 days)."
  }
}

variable "performance" {
  description = "How Spark runs in all jobs, by argument: adaptive_query_execution (true, false), broadcast_threshold_mb (0: no broadcasts), skew_join (true, false), shuffle_partitions. What is not set stays as Spark has it."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.performance), ["adaptive_query_execution", "broadcast_threshold_mb", "shuffle_partitions", "skew_join"])) == 0
    error_message = "performance may hold adaptive_query_execution, broadcast_threshold_mb, shuffle_partitions and skew_join; for anything else of Spark use the job argument --conf."
  }
}

variable "enable_data_quality_rulesets" {
  description = "Also publish the contracts' quality rules as Glue Data Quality rulesets."
  type        = bool
  default     = true
}

# Network

variable "enable_vpc" {
  description = "Run the jobs in private subnets of a VPC of their own. It costs interface endpoints by the hour."
  type        = bool
  default     = false
}

variable "existing_vpc" {
  description = "With enable_vpc: a VPC that is there already, instead of one of the jobs' own; modules/networking says what it needs."
  type = object({
    vpc_id             = string
    subnet_ids         = set(string)
    security_group_ids = optional(list(string), [])
    create_endpoints   = optional(bool, false)
  })
  default = null
}

variable "interface_endpoints" {
  description = "AWS services that jobs in a VPC reach by interface endpoints, by their short name. Each costs money per zone and hour."
  type        = set(string)
  default     = ["events", "glue", "kms", "logs", "monitoring", "secretsmanager", "sns", "sqs", "sts"]
}

variable "vpc_cidr" {
  description = "Address range of the VPC of the jobs' own."
  type        = string
  default     = "10.20.0.0/16"
}

# Security

variable "permissions_boundary_arn" {
  description = "Policy that bounds what every role may do, whatever is granted to it. Null: none."
  type        = string
  default     = null
}

variable "connector_secrets" {
  description = "Secrets with the credentials of sources and sinks, by name; modules/security says what each may have. They are made empty, for their owners to fill."
  type = map(object({
    description = string
    jobs        = optional(set(string), ["data_ingestion"])
    rotation    = optional(object({ lambda_arn = string, days = optional(number, 30) }))
  }))
  default = {}
}

variable "kms_rotation_days" {
  description = "Days after which KMS changes the keys' material by itself, 90 to 2560."
  type        = number
  default     = 365
}

variable "enable_access_logs" {
  description = "Keep a log of who read and wrote the buckets, in a bucket of its own."
  type        = bool
  default     = true
}

# Operation

variable "alert_emails" {
  description = "Mail addresses that hear of everything: each is subscribed to every topic."
  type        = set(string)
  default     = []
}

variable "subscriptions" {
  description = "Who else hears of what, by any key. topic: alerts, notifications, performance or system_health. protocol: email, email-json, https, lambda, sms or sqs. endpoint: address, URL, ARN or telephone number. raw: the bare message (https and sqs only)."
  type = map(object({
    topic    = string
    protocol = string
    endpoint = string
    raw      = optional(bool, false)
  }))
  default = {}
}

variable "quality_threshold" {
  description = "Quality score, 0 to 100, below which a dataset raises an alarm, if its contract sets no threshold of its own."
  type        = number
  default     = 80

  validation {
    condition     = var.quality_threshold >= 0 && var.quality_threshold <= 100
    error_message = "quality_threshold must be between 0 and 100."
  }
}

variable "monthly_budget_usd" {
  description = "Monthly cost in US dollars that the budget watches. Null: no budget."
  type        = number
  default     = null
}

variable "log_retention_days" {
  description = "Days that log lines are kept."
  type        = number
  default     = 30
}

variable "log_level" {
  description = "Lowest level that the Lambdas log: DEBUG, INFO, WARNING or ERROR."
  type        = string
  default     = "INFO"
}

# Keeping and losing data

variable "enable_transfer_acceleration" {
  description = "Let senders far away bring their files into the raw bucket over S3's edge locations. It costs by the gigabyte."
  type        = bool
  default     = false
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete buckets that still hold data."
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Refuse to delete the state tables until this is switched off."
  type        = bool
  default     = true
}

variable "point_in_time_recovery" {
  description = "Keep continuous backups of the state tables."
  type        = bool
  default     = true
}

variable "retention_days" {
  description = "Days after which data is archived or deleted; modules/storage says which is which."
  type = object({
    raw_infrequent   = optional(number)
    raw_archive      = optional(number)
    raw_deep_archive = optional(number)
    raw_expire       = optional(number)
    infrequent       = optional(number)
    reports          = optional(number)
    temporary        = optional(number)
    access_logs      = optional(number)
    noncurrent       = optional(number)
    uploads          = optional(number)
  })
  default = {}
}

variable "maintenance_retention_days" {
  description = "Days after which maintenance removes what nobody should need any more. snapshots: of curated tables, for time travel. orphans: files that no snapshot knows, at least 3, so that no running job loses its own. processed: batches whose quality is checked."
  type = object({
    snapshots = optional(number, 7)
    orphans   = optional(number, 3)
    processed = optional(number, 30)
  })
  default = {}

  validation {
    condition     = alltrue([for days in values(var.maintenance_retention_days) : days >= 1 && floor(days) == days])
    error_message = "maintenance_retention_days must be whole numbers of at least 1."
  }

  validation {
    condition     = var.maintenance_retention_days.orphans >= 3
    error_message = "maintenance_retention_days.orphans must be at least 3: what a running job has written and not yet committed looks like an orphan."
  }
}

variable "kms_deletion_window_days" {
  description = "Days between asking for the deletion of the KMS keys and their deletion, 7 to 30."
  type        = number
  default     = 30
}

# Personal data

variable "pii_secret_value" {
  description = "Value of the secret for personal data, at least 32 random characters. It is used when there is no secret yet, or pii_secret_version was raised; otherwise it may be another one each time."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "pii_secret_version" {
  description = "A higher number puts a new secret for personal data. Its hashes and tokens differ from those of the old one: docs/privacy.md says what has to be done with the tables first."
  type        = number
  default     = 1
}

variable "secret_recovery_window_days" {
  description = "Days for which a deleted secret can be restored, 7 to 30; 0 deletes it at once. Until then its name can't be used again."
  type        = number
  default     = 30
}

# Where the code is

variable "source_dir" {
  description = "Folder of the jobs' source. Null: src of this repository."
  type        = string
  default     = null
}

variable "build_dir" {
  description = "Folder of the zips that terraform/scripts/package.py made. Null: build of this repository."
  type        = string
  default     = null
}

variable "contracts_dir" {
  description = "Folder of the dataset contracts. Null: config/datasets in source_dir."
  type        = string
  default     = null
}

variable "reference_dir" {
  description = "Folder of the reference files that contracts enrich from. Null: config/reference in source_dir."
  type        = string
  default     = null
}
