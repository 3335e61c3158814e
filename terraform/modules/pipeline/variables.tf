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

variable "job_queuing" {
  description = "Let a run for which there is no capacity wait instead of failing. Not with execution_class FLEX, nor with job_max_retries above 0."
  type        = bool
  default     = false

  validation {
    condition     = !var.job_queuing || (var.execution_class == "STANDARD" && var.job_max_retries == 0)
    error_message = "Glue queues no runs of a job that is FLEX or has retries: switch job_queuing off, or those."
  }
}

variable "execution_class" {
  description = "STANDARD, or FLEX: jobs run on spare capacity, a third cheaper; they start when there is some, and may be interrupted. G.1X and G.2X only."
  type        = string
  default     = "STANDARD"

  validation {
    condition     = contains(["STANDARD", "FLEX"], var.execution_class)
    error_message = "execution_class must be STANDARD or FLEX."
  }
}

variable "auto_scaling" {
  description = "Let Glue take away workers that a job does not need; number_of_workers is then the most it may have."
  type        = bool
  default     = false
}

variable "spark_ui" {
  description = "Keep Spark's event logs for the Spark UI, as long as other temporary data."
  type        = bool
  default     = false
}

variable "job_overrides" {
  description = "What is to be otherwise for single jobs, by key: data_ingestion, data_processing, data_quality. What is not set is as for all jobs."
  type = map(object({
    worker_type       = optional(string)
    number_of_workers = optional(number)
    auto_scaling      = optional(bool)
    execution_class   = optional(string)
    timeout_minutes   = optional(number)
    max_retries       = optional(number)
    queuing           = optional(bool)
    spark_ui          = optional(bool)
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.job_overrides), ["data_ingestion", "data_processing", "data_quality"])) == 0
    error_message = "job_overrides may hold data_ingestion, data_processing and data_quality."
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

variable "enable_schema_registry" {
  description = "Also publish the contracts' columns as JSON schemas in a Glue schema registry, for producers of streams."
  type        = bool
  default     = false
}

variable "schema_compatibility" {
  description = "Which changes of a schema the registry lets pass: NONE, DISABLED, BACKWARD, FORWARD, FULL, or one of the last three with _ALL."
  type        = string
  default     = "BACKWARD"
}

variable "crawlers" {
  description = "Crawlers that make tables of raw files as they are, by key. prefix: what to look at. schedule: cron(…) in UTC, null by hand only. exclusions: patterns of keys to leave out. The pipeline needs none."
  type = map(object({
    prefix     = string
    schedule   = optional(string)
    exclusions = optional(list(string), [])
  }))
  default = {}
}

variable "table_optimizers" {
  description = "Curated tables that Glue looks after by itself, by name; they must exist. compaction: joins small files. snapshot_retention_days, orphan_retention_days: null leaves that to the maintenance of the processing job."
  type = map(object({
    compaction              = optional(bool, true)
    snapshot_retention_days = optional(number)
    orphan_retention_days   = optional(number)
  }))
  default = {}
}

variable "streaming" {
  description = <<-EOT
    A Kinesis stream of the pipeline's own, and a job that reads a stream; docs/streaming.md says which of the two doors to
    use. shard_count: null for on demand. retention_hours: of the stream. firehose: brings the stream's records to the raw
    bucket as files; dataset_query: where a record names its dataset (jq); buffering_seconds: how long records are gathered.
    job: reads a stream into one dataset. source: kinesis or kafka. stream_arn: a Kinesis stream; null: the pipeline's own,
    with firehose = false. stream_key_arn: KMS key of a stream with another one than the pipeline's. topics, brokers, auth
    (none, tls or iam), cluster_arn (with iam): of Kafka. start: where it begins (earliest, latest or a time).
    trigger_seconds: how often a batch is made. most_per_epoch: records in one. Null: no stream.
  EOT
  type = object({
    firehose = optional(bool, true)
    job = optional(object({
      dataset           = string
      source            = optional(string, "kinesis")
      stream_arn        = optional(string)
      stream_key_arn    = optional(string)
      topics            = optional(list(string), [])
      brokers           = optional(string)
      auth              = optional(string, "iam")
      cluster_arn       = optional(string)
      start             = optional(string, "earliest")
      trigger_seconds   = optional(number, 100)
      most_per_epoch    = optional(number)
      worker_type       = optional(string, "G.025X")
      number_of_workers = optional(number, 2)
      max_retries       = optional(number, 3)
    }))
    dataset_query     = optional(string, ".dataset")
    shard_count       = optional(number)
    retention_hours   = optional(number, 72)
    buffering_seconds = optional(number, 300)
  })
  default = null

  validation {
    condition     = contains(["kinesis", "kafka"], try(coalesce(var.streaming.job.source), "kinesis"))
    error_message = "source of streaming.job must be kinesis or kafka."
  }

  validation {
    condition     = !(try(var.streaming.firehose, false) && try(var.streaming.job.source, "") == "kinesis" && try(var.streaming.job.stream_arn, null) == null)
    error_message = "streaming.job would read the stream that Firehose brings to raw, and every record would come twice: set firehose = false, or the stream_arn of another stream."
  }

  validation {
    condition     = try(var.streaming.job.source, "") != "kafka" || (length(try(var.streaming.job.topics, [])) > 0 && try(var.streaming.job.brokers, null) != null)
    error_message = "streaming.job with source kafka needs topics, and brokers as host:port with commas between them."
  }

  validation {
    condition     = try(var.streaming.job.source, "") != "kafka" || try(var.streaming.job.auth, "") != "iam" || try(var.streaming.job.cluster_arn, null) != null
    error_message = "streaming.job with auth iam needs cluster_arn, the ARN of the MSK cluster: the job's role names it."
  }

  validation {
    condition     = contains(["none", "tls", "iam"], try(coalesce(var.streaming.job.auth), "iam"))
    error_message = "auth of streaming.job must be none, tls or iam."
  }

  validation {
    condition     = try(var.streaming.job.trigger_seconds, 100) >= 1
    error_message = "trigger_seconds of streaming.job must be at least 1."
  }
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

variable "enable_nat_gateway" {
  description = "Let jobs in the VPC of their own reach sources in the internet, on internet_ports. It costs money by the hour and by the gigabyte."
  type        = bool
  default     = false

  validation {
    condition     = !var.enable_nat_gateway || (var.enable_vpc && var.existing_vpc == null)
    error_message = "enable_nat_gateway needs enable_vpc, and a VPC of the jobs' own (no existing_vpc): there is nothing else that it could be put in."
  }
}

variable "internet_ports" {
  description = "Ports that jobs may reach in the internet, with enable_nat_gateway: 443 for APIs, 5432 for PostgreSQL."
  type        = set(number)
  default     = [443]
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

variable "no_data_hours" {
  description = "Hours without a new file, 1 to 168, after which an alarm is raised. Null: files may stay away as long as they like."
  type        = number
  default     = null
}

variable "dataset_no_data_hours" {
  description = "The same for single datasets: hours, 1 to 168, without new rows, by dataset."
  type        = map(number)
  default     = {}
}

variable "allowed_extensions" {
  description = "Extensions of the files that are ingested, without the point, in lower case; gz, bz2 and zst behind them are always taken. An empty text stands for names without extension, * for any. Others are refused when they arrive."
  type        = set(string)
  default     = ["", "avro", "csv", "dat", "json", "jsonl", "log", "ndjson", "orc", "parquet", "pq", "psv", "tab", "tsv", "txt", "xls", "xlsm", "xlsx"]

  validation {
    condition     = length(var.allowed_extensions) > 0 && alltrue([for extension in var.allowed_extensions : can(regex("^([a-z][a-z0-9_]{0,15}|\\*|)$", extension))])
    error_message = "allowed_extensions must hold at least one extension such as csv: lower case, without the point."
  }
}

variable "max_object_size_gb" {
  description = "Files larger than this many GiB are refused when they arrive. S3 takes up to 48,828 GiB."
  type        = number
  default     = 100

  validation {
    condition     = var.max_object_size_gb > 0 && var.max_object_size_gb <= 50000
    error_message = "max_object_size_gb must be more than 0 and at most 50000."
  }
}

variable "incoming_scan" {
  description = "Look for secrets and personal data in new text files before they are ingested: off; report: record and tell; quarantine: also move such files away, so that they are not ingested."
  type        = string
  default     = "off"

  validation {
    condition     = contains(["off", "report", "quarantine"], var.incoming_scan)
    error_message = "incoming_scan must be off, report or quarantine."
  }
}

variable "incoming_scan_mb" {
  description = "How many MiB of a new file are scanned, from its beginning; of packed files after unpacking."
  type        = number
  default     = 5

  validation {
    condition     = var.incoming_scan_mb >= 1 && var.incoming_scan_mb <= 100 && floor(var.incoming_scan_mb) == var.incoming_scan_mb
    error_message = "incoming_scan_mb must be a whole number from 1 to 100."
  }
}

variable "sweep_schedule" {
  description = "When to look for files and unfinished batches that no event has led to, and start a run for them, in UTC, such as rate(30 minutes). Null: never."
  type        = string
  default     = "rate(30 minutes)"

  validation {
    condition     = var.sweep_schedule == null || can(regex("^(cron|rate)\\(.+\\)$", var.sweep_schedule))
    error_message = "sweep_schedule must look like rate(30 minutes) or cron(0 * * * ? *)."
  }
}

variable "health_summary_schedule" {
  description = "When people are told how the pipeline is (runs, failures, cost, queues, what needs somebody), in UTC, such as cron(0 6 * * ? *). It looks back 24 hours. Null: never."
  type        = string
  default     = "cron(0 6 * * ? *)"

  validation {
    condition     = var.health_summary_schedule == null || can(regex("^(cron|rate)\\(.+\\)$", var.health_summary_schedule))
    error_message = "health_summary_schedule must look like cron(0 6 * * ? *) or rate(1 day)."
  }
}

variable "duration_band_width" {
  description = "How far a run's duration may be from what is usual for the job, in standard deviations, before an alarm is raised. Null: no such alarms."
  type        = number
  default     = 3
}

variable "dashboards" {
  description = "Which dashboards to make: operations, data, cost. CloudWatch gives three an account for nothing."
  type        = set(string)
  default     = ["operations", "data", "cost"]
}

variable "enable_saved_queries" {
  description = "Keep queries over the logs in CloudWatch Logs Insights."
  type        = bool
  default     = true
}

variable "enable_lambda_tracing" {
  description = "Trace the Lambdas with X-Ray."
  type        = bool
  default     = true
}

variable "athena_scan_limit_gb" {
  description = "Gigabytes that one query of the Athena workgroup may scan; one that needs more is ended."
  type        = number
  default     = 100
}

variable "dpu_hour_price_usd" {
  description = "Price of a DPU hour in US dollars, for estimates of cost in the dashboard and in messages."
  type        = number
  default     = 0.44
}

variable "monthly_budget_usd" {
  description = "Monthly cost in US dollars that the budget watches. Null: no budget."
  type        = number
  default     = null
}

variable "budget_alerts" {
  description = "At which percentages of the budget to tell: of what was spent (actual), of what the month is going to cost (forecasted)."
  type = object({
    actual     = optional(set(number), [80, 100])
    forecasted = optional(set(number), [100])
  })
  default = {}
}

variable "cost_anomaly_usd" {
  description = "Impact in US dollars from which an unusual cost is told. Null: AWS does not look for any."
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

variable "connectors_dir" {
  description = "Folder of the connectors, one <name>.yml each; without any, nothing is made for them. Null: src/config/connectors."
  type        = string
  default     = null
}

variable "connector_loading" {
  description = <<-EOT
    How connectors load. api_timeout_seconds, api_memory_mb: of one call of the Lambda for REST APIs. apis_at_a_time: 2 or more.
    database_capacity: 0.0625 or 1 DPU. database_timeout_minutes: of one run. database_drivers: packages of PyPI beside
    those that Glue brings, such as oracledb==2.5.1.
  EOT
  type = object({
    api_timeout_seconds      = optional(number, 900)
    api_memory_mb            = optional(number, 1024)
    apis_at_a_time           = optional(number, 5)
    database_capacity        = optional(number, 0.0625)
    database_timeout_minutes = optional(number, 120)
    database_drivers         = optional(list(string), [])
  })
  default = {}
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
