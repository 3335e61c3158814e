variable "name_prefix" {
  description = "Prefix of every name, <project>-<environment>."
  type        = string
}

variable "workflow_name" {
  description = "Name of the Glue workflow."
  type        = string
}

variable "database_name" {
  description = "Name of the Glue database."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9_]{1,255}$", var.database_name))
    error_message = "database_name may hold lower-case letters, digits and underscores only: Athena reads no other names without quoting."
  }
}

variable "jobs" {
  description = <<-EOT
    The Glue jobs by key. name: full name. script: file in source_dir/jobs. after: key of the job whose end starts this
    one; the job without it is the first of the workflow. role_arn: its role. arguments: added to the common ones.
    Unset sizes are those of worker_type and number_of_workers.
  EOT
  type = map(object({
    name              = string
    description       = string
    script            = string
    role_arn          = string
    after             = optional(string)
    worker_type       = optional(string)
    number_of_workers = optional(number)
    timeout_minutes   = optional(number, 120)
    max_retries       = optional(number, 0)
    arguments         = optional(map(string), {})
  }))

  validation {
    condition     = length([for job in var.jobs : job if job.after == null]) == 1
    error_message = "Exactly one job must have no `after`: the first of the workflow."
  }

  validation {
    condition     = alltrue([for job in var.jobs : job.after == null || contains(keys(var.jobs), coalesce(job.after, "-"))])
    error_message = "Every `after` must be the key of another job."
  }

  validation {
    condition     = alltrue([for job in var.jobs : job.timeout_minutes >= 1 && job.timeout_minutes <= 10080])
    error_message = "timeout_minutes must be between 1 and 10080 (7 days)."
  }

  validation {
    condition     = alltrue([for job in var.jobs : job.max_retries >= 0 && job.max_retries <= 10])
    error_message = "max_retries must be between 0 and 10."
  }
}

variable "common_arguments" {
  description = "Arguments that every job gets beside Glue's own: names of buckets, tables, topics."
  type        = map(string)
  default     = {}
}

variable "glue_version" {
  description = "Glue version of the jobs. 4.0 is Spark 3.3, 5.0 and 5.1 Spark 3.5, 6.0 Spark 4.1."
  type        = string
  default     = "5.1"

  validation {
    condition     = contains(["4.0", "5.0", "5.1", "6.0"], var.glue_version)
    error_message = "glue_version must be 4.0, 5.0, 5.1 or 6.0."
  }
}

variable "worker_type" {
  description = "Size of a worker where a job sets none: G.1X is 4 vCPU and 16 GB, each next one twice that."
  type        = string
  default     = "G.1X"

  validation {
    condition     = contains(["G.025X", "G.1X", "G.2X", "G.4X", "G.8X"], var.worker_type)
    error_message = "worker_type must be G.025X, G.1X, G.2X, G.4X or G.8X."
  }
}

variable "number_of_workers" {
  description = "Workers of a job that sets none, the driver included."
  type        = number
  default     = 2

  validation {
    condition     = var.number_of_workers >= 2 && var.number_of_workers <= 299
    error_message = "number_of_workers must be between 2 and 299."
  }
}

variable "schedule" {
  description = "When the workflow starts by itself, as an AWS cron expression in UTC, such as cron(0 2 * * ? *). Null: on demand and by arriving files only."
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
  default     = null

  validation {
    condition     = var.maintenance_schedule == null || can(regex("^(cron|rate)\\(.+\\)$", var.maintenance_schedule))
    error_message = "maintenance_schedule must look like cron(0 4 ? * SUN *) or rate(7 days)."
  }
}

variable "maintenance_job" {
  description = "Key of the job that maintains the tables."
  type        = string
  default     = "data_processing"

  validation {
    condition     = var.maintenance_schedule == null || contains(keys(var.jobs), var.maintenance_job)
    error_message = "maintenance_job must be the key of a job."
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

variable "security_configuration" {
  description = "Name of the Glue security configuration of the jobs."
  type        = string
}

variable "connections" {
  description = "Names of the network connections of the jobs. Empty: outside a VPC."
  type        = list(string)
  default     = []
}

variable "bucket_names" {
  description = "Names of the buckets the module refers to."
  type = object({
    processed = string
    curated   = string
    scripts   = string
  })
}

variable "source_dir" {
  description = "Folder that holds jobs/*.py."
  type        = string
}

variable "library_zip" {
  description = "Zip of the library that the jobs import, made by terraform/scripts/package.py."
  type        = string
}

variable "contracts_dir" {
  description = "Folder of the dataset contracts, one <name>.yml each."
  type        = string
}

variable "reference_dir" {
  description = "Folder of the reference files that contracts enrich from; README.md in it is not published. It may be empty."
  type        = string
}

variable "enable_data_quality_rulesets" {
  description = "Also publish every contract's quality rules as a Glue Data Quality ruleset, to be run from the console."
  type        = bool
  default     = true
}
