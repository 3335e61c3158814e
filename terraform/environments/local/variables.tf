# Written by terraform/scripts/environment_files.py from modules/pipeline; what is changed here gets lost.

variable "aws_region" {
  description = "AWS region of everything."
  type        = string
  default     = "us-east-1"
}

variable "allowed_account_ids" {
  description = "AWS accounts this environment may be deployed to; any other is refused. Null: any account."
  type        = list(string)
  default     = null

  validation {
    condition     = var.allowed_account_ids == null || try(alltrue([for id in var.allowed_account_ids : can(regex("^[0-9]{12}$", id))]), false)
    error_message = "allowed_account_ids must be account numbers of twelve digits, in quotes."
  }
}

variable "tags" {
  description = "Tags of everything, besides Project, Environment, Pipeline and ManagedBy: owner and cost center, for instance."
  type        = map(string)
  default     = {}
}

variable "environment" {
  description = "Environment that is deployed: local, dev, staging or prod."
  type        = string
}

variable "project_name" {
  description = "Project name; <project_name>-<environment> begins every name."
  type        = string
  default     = "glue-etl-pipeline"
}

variable "bucket_suffix" {
  description = "Added to every bucket name, because bucket names are global: an account number, for instance. Null: nothing is added."
  type        = string
  default     = null
}

variable "glue_version" {
  description = "Glue version of the jobs. 4.0 is Spark 3.3 on Python 3.10, 5.0 and 5.1 Spark 3.5 on Python 3.11, 6.0 Spark 4.1 on Python 3.13."
  type        = string
  default     = "5.1"
}

variable "python_version" {
  description = "Python version you expect of the jobs. The Glue version decides which one runs; where the two differ, plan warns. 3 takes what Glue brings."
  type        = string
  default     = "3"
}

variable "worker_type" {
  description = "Size of a Glue worker: G.1X is 4 vCPU and 16 GB, each next one twice that."
  type        = string
  default     = "G.1X"
}

variable "number_of_workers" {
  description = "Workers of each job, the driver included, 2 to 299."
  type        = number
  default     = 2
}

variable "job_timeout_minutes" {
  description = "Minutes after which a job run is ended."
  type        = number
  default     = 120
}

variable "job_max_retries" {
  description = "How often Glue starts a failed job again by itself."
  type        = number
  default     = 0
}

variable "schedule" {
  description = "When the workflow starts by itself, in UTC, such as cron(0 2 * * ? *). Null: when files arrive, and on demand."
  type        = string
  default     = null
}

variable "maintenance_schedule" {
  description = "When the tables are maintained (compaction, expiry, vacuum), as an AWS cron expression in UTC, such as cron(0 4 ? * SUN *). Null: only by hand, with the job argument --maintain true."
  type        = string
  default     = "cron(0 4 ? * SUN *)"
}

variable "performance" {
  description = "How Spark runs in all jobs, by argument: adaptive_query_execution (true, false), broadcast_threshold_mb (0: no broadcasts), skew_join (true, false), shuffle_partitions. What is not set stays as Spark has it."
  type        = map(string)
  default     = {}
}

variable "enable_data_quality_rulesets" {
  description = "Also publish the contracts' quality rules as Glue Data Quality rulesets."
  type        = bool
  default     = true
}

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
}

variable "kms_deletion_window_days" {
  description = "Days between asking for the deletion of the KMS keys and their deletion, 7 to 30."
  type        = number
  default     = 30
}

variable "pii_secret_value" {
  description = "Value of the secret for personal data, at least 32 random characters. Null: a random one. It is used when there is no secret yet, or pii_secret_version was raised; afterwards it need not be given again."
  type        = string
  ephemeral   = true
  sensitive   = true
  default     = null
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
