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
    The Glue jobs by key. name: full name. script: file in source_dir/jobs. role_arn: its role. type: batch, or streaming
    for one that runs until it is stopped, outside the workflow. after: key of the job whose end starts this one; the batch
    job without it is the first of the workflow. worker_type, number_of_workers: where unset, those of the variables of that
    name. auto_scaling: number_of_workers is the most it may have, and Glue takes away what it does not need.
    execution_class: STANDARD, or FLEX for spare capacity: a third cheaper, starts when there is some, and may be
    interrupted (G.1X and G.2X only). timeout_minutes, max_retries: of one run (a streaming job has no timeout).
    queuing: a run for which there is no capacity waits instead of failing; not with FLEX or retries. metrics: Glue's own,
    in CloudWatch. spark_ui: keeps Spark's event logs, as long as other temporary data. arguments: added to the common ones.
  EOT
  type = map(object({
    name              = string
    description       = string
    script            = string
    role_arn          = string
    type              = optional(string, "batch")
    after             = optional(string)
    worker_type       = optional(string)
    number_of_workers = optional(number)
    auto_scaling      = optional(bool, false)
    execution_class   = optional(string, "STANDARD")
    timeout_minutes   = optional(number, 120)
    max_retries       = optional(number, 0)
    queuing           = optional(bool, false)
    metrics           = optional(bool, true)
    spark_ui          = optional(bool, false)
    arguments         = optional(map(string), {})
  }))

  validation {
    condition     = alltrue([for job in var.jobs : contains(["batch", "streaming"], job.type)])
    error_message = "A job's type must be batch or streaming."
  }

  validation {
    condition     = length([for job in var.jobs : job if job.type == "batch" && job.after == null]) == 1
    error_message = "Exactly one batch job must have no `after`: the first of the workflow."
  }

  validation {
    condition     = alltrue([for key, job in var.jobs : job.after == null || (contains(keys(var.jobs), coalesce(job.after, "-")) && job.after != key && try(var.jobs[job.after].type, "") == "batch" && job.type == "batch")])
    error_message = "Every `after` must be the key of another batch job; a streaming job has none, since it neither ends nor waits."
  }

  validation {
    condition     = alltrue([for job in var.jobs : job.worker_type == null || contains(["G.025X", "G.1X", "G.2X", "G.4X", "G.8X"], coalesce(job.worker_type, "-"))])
    error_message = "A job's worker_type must be G.025X, G.1X, G.2X, G.4X or G.8X."
  }

  validation {
    condition     = alltrue([for job in var.jobs : try(job.number_of_workers >= 2 && job.number_of_workers <= 299, job.number_of_workers == null)])
    error_message = "A job's number_of_workers must be between 2 and 299."
  }

  validation {
    condition     = alltrue([for job in var.jobs : contains(["STANDARD", "FLEX"], job.execution_class)])
    error_message = "A job's execution_class must be STANDARD or FLEX."
  }

  validation {
    condition     = alltrue([for job in var.jobs : job.execution_class == "STANDARD" || (job.type == "batch" && contains(["G.1X", "G.2X"], coalesce(job.worker_type, var.worker_type)))])
    error_message = "FLEX is for batch jobs on G.1X or G.2X workers only."
  }

  validation {
    condition     = alltrue([for job in var.jobs : !job.queuing || (job.execution_class == "STANDARD" && job.max_retries == 0)])
    error_message = "Glue queues no runs of a job that is FLEX or has max_retries above 0: switch queuing off, or those."
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
  description = "Size of a worker where a job sets none: G.1X is 4 vCPU and 16 GB, each next one twice that. G.025X is a quarter of it; AWS offers it to streaming jobs only."
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
    raw       = string
    processed = string
    curated   = string
    quality   = string
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

variable "crawlers" {
  description = <<-EOT
    Crawlers of raw data, by key: they look at files as they came and make tables of them, to be queried before any
    contract is written. prefix: what to look at, without the bucket. schedule: cron(…), UTC; null by hand only.
    exclusions: patterns of keys to leave out. Their tables begin with raw_.
  EOT
  type = map(object({
    prefix     = string
    schedule   = optional(string)
    exclusions = optional(list(string), [])
  }))
  default = {}

  validation {
    condition     = alltrue([for crawler in var.crawlers : crawler.schedule == null || can(regex("^cron\\(.+\\)$", crawler.schedule))])
    error_message = "A crawler's schedule must look like cron(0 1 * * ? *)."
  }

  validation {
    condition     = alltrue([for crawler in var.crawlers : endswith(crawler.prefix, "/") && !startswith(crawler.prefix, "/")])
    error_message = "A crawler's prefix must end with / and not begin with one, such as data/incoming/orders/."
  }
}

variable "crawler_role_arn" {
  description = "Role of the crawlers. Null: there are none."
  type        = string
  default     = null

  validation {
    condition     = length(var.crawlers) == 0 || var.crawler_role_arn != null
    error_message = "crawlers need crawler_role_arn."
  }
}

variable "enable_schema_registry" {
  description = "Also publish every contract's columns as a JSON schema in a Glue schema registry, for producers of streams."
  type        = bool
  default     = false
}

variable "schema_compatibility" {
  description = "Which changes of a schema the registry lets pass."
  type        = string
  default     = "BACKWARD"

  validation {
    condition     = contains(["NONE", "DISABLED", "BACKWARD", "BACKWARD_ALL", "FORWARD", "FORWARD_ALL", "FULL", "FULL_ALL"], var.schema_compatibility)
    error_message = "schema_compatibility must be NONE, DISABLED, BACKWARD, BACKWARD_ALL, FORWARD, FORWARD_ALL, FULL or FULL_ALL."
  }
}

variable "table_optimizers" {
  description = <<-EOT
    Curated tables that Glue looks after by itself, by name; they must exist, so the pipeline has to have run once.
    compaction: joins small files. snapshot_retention_days, orphan_retention_days: expires snapshots, removes files that
    no snapshot knows; null leaves that to the maintenance of the processing job. See maintenance_schedule.
  EOT
  type = map(object({
    compaction              = optional(bool, true)
    snapshot_retention_days = optional(number)
    orphan_retention_days   = optional(number)
  }))
  default = {}

  validation {
    condition     = alltrue([for table in var.table_optimizers : try(table.snapshot_retention_days >= 1, table.snapshot_retention_days == null)])
    error_message = "snapshot_retention_days must be at least 1, or null."
  }

  validation {
    condition     = alltrue([for table in var.table_optimizers : try(table.orphan_retention_days >= 3, table.orphan_retention_days == null)])
    error_message = "orphan_retention_days must be at least 3, or null: what a running job has written and not yet committed looks like an orphan."
  }
}

variable "table_optimizer_role_arn" {
  description = "Role of the table optimizers. Null: there are none."
  type        = string
  default     = null

  validation {
    condition     = length(var.table_optimizers) == 0 || var.table_optimizer_role_arn != null
    error_message = "table_optimizers need table_optimizer_role_arn."
  }
}
