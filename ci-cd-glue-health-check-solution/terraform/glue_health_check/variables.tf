variable "name_prefix" {
  description = "Begins the name of everything that the module makes, but for the work bucket."
  type        = string
  default     = "glue-health-check"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,31}$", var.name_prefix)) && !startswith(var.name_prefix, "glue-hc-")
    error_message = "name_prefix must have 3 to 32 lower-case letters, digits and hyphens, begin with a letter, and not with glue-hc-, which marks what checks make and sweepers remove."
  }
}

variable "work_bucket_name" {
  description = "Bucket for checks: their files, manifests and reports. Nothing else should lie in it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.work_bucket_name)) && !startswith(var.work_bucket_name, "glue-hc-")
    error_message = "work_bucket_name must be a bucket's name without dots, and not begin with glue-hc-, which marks what checks make and sweepers remove."
  }
}

variable "create_work_bucket" {
  description = "Whether the module makes the work bucket, with its lifecycle, or finds it. A bucket that is found keeps its own settings."
  type        = bool
  default     = true
}

variable "force_destroy" {
  description = "Whether destroying the module removes a work bucket that still holds reports."
  type        = bool
  default     = false
}

variable "build_dir" {
  description = "Folder with function.zip and the layer, made by scripts/package_lambdas.py."
  type        = string
}

variable "architecture" {
  description = "Processor of the Lambdas: arm64 or x86_64. The layer must have been packed for it."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64."
  }
}

variable "enable_layer" {
  description = "Whether trigger and monitor get the layer of compiled packages. False only where their Python has these, as on a local cloud."
  type        = bool
  default     = true
}

variable "lambda_runtime" {
  description = "Python of the Lambdas. The layer must have been packed for it."
  type        = string
  default     = "python3.12"

  validation {
    condition     = contains(["python3.11", "python3.12", "python3.13"], var.lambda_runtime)
    error_message = "lambda_runtime must be python3.11, python3.12 or python3.13."
  }
}

variable "create_job_role" {
  description = "Whether the module makes a role for temporary jobs that reaches what checks make, and nothing else."
  type        = bool
  default     = true
}

variable "passable_role_arns" {
  description = "Further roles that temporary jobs may be given, such as those of base jobs. A check can then do what they may."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.passable_role_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[^*]+$", arn))])
    error_message = "Each of passable_role_arns must be the whole ARN of a role; * is not allowed."
  }
}

variable "base_job_names" {
  description = "Jobs whose definitions checks may clone (base)."
  type        = set(string)
  default     = []
}

variable "table_names" {
  description = "DynamoDB tables whose keys checks may copy (tables: {like: …})."
  type        = set(string)
  default     = []
}

variable "guarded_buckets" {
  description = "Buckets that are watched for writes of temporary jobs (guard, and those that jobs' arguments name)."
  type        = set(string)
  default     = []
}

variable "library_arns" {
  description = "ARNs of S3 objects that temporary jobs and static checks may read, such as arn:aws:s3:::acme-scripts/lib/*."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.library_arns : can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]+/.+$", arn))])
    error_message = "Each of library_arns must be an ARN of objects, such as arn:aws:s3:::acme-scripts/lib/*."
  }
}

variable "webhook" {
  description = <<-EOT
    GitHub's webhook; off by default. repositories: owner/name -> paths of the check files that every pull request is
    checked with. secret_arn: of the Secrets Manager secret that holds the webhook's secret as plain text.
    delivery_minutes: older deliveries are refused. concurrency: calls at a time, the rest is refused; null sets no limit.
  EOT
  type = object({
    enabled          = optional(bool, false)
    repositories     = optional(map(list(string)), {})
    secret_arn       = optional(string)
    delivery_minutes = optional(number, 60)
    concurrency      = optional(number)
  })
  default = {}

  validation {
    condition     = !var.webhook.enabled || (length(var.webhook.repositories) > 0 && var.webhook.secret_arn != null)
    error_message = "An enabled webhook needs repositories and secret_arn: without a secret anybody could start jobs."
  }

  validation {
    condition     = alltrue([for name, files in var.webhook.repositories : can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", name)) && length(files) > 0 && alltrue([for file in files : can(regex("^[^/].*\\.ya?ml$", file))])])
    error_message = "webhook.repositories must be owner/name -> paths of check files (.yml), relative to the repository."
  }

  validation {
    condition     = var.webhook.delivery_minutes >= 5 && var.webhook.delivery_minutes <= 1440
    error_message = "webhook.delivery_minutes must be between 5 and 1440."
  }
}

variable "github_token_secret_arn" {
  description = "Secret with a token of GitHub as plain text, to read private repositories and to set the status of commits (contents: read, commit statuses: write); null for none."
  type        = string
  default     = null
}

variable "github_api_url" {
  description = "GitHub's API; another one for GitHub Enterprise Server."
  type        = string
  default     = "https://api.github.com"

  validation {
    condition     = can(regex("^(https://.|http://127\\.0\\.0\\.1[:/])", var.github_api_url))
    error_message = "github_api_url must begin with https://, or be on this machine (http://127.0.0.1)."
  }
}

variable "sweep_schedule" {
  description = "When the cleanup Lambda sweeps: rate(…) or cron(…), UTC."
  type        = string
  default     = "rate(15 minutes)"

  validation {
    condition     = can(regex("^(cron|rate)\\(.+\\)$", var.sweep_schedule))
    error_message = "sweep_schedule must look like rate(15 minutes) or cron(0 2 * * ? *)."
  }
}

variable "sweep_minutes" {
  description = "Age in minutes after which objects without a manifest are swept: at least the longest ttl_minutes of checks."
  type        = number
  default     = 120

  validation {
    condition     = var.sweep_minutes >= 30 && var.sweep_minutes <= 10080
    error_message = "sweep_minutes must be between 30 and 10080."
  }
}

variable "report_days" {
  description = "Days that reports are kept in a bucket that the module makes."
  type        = number
  default     = 90

  validation {
    condition     = var.report_days >= 8
    error_message = "report_days must be at least 8: a week is what everything else of a check is kept at most."
  }
}

variable "log_retention_days" {
  description = "Days that the Lambdas' logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of the numbers that CloudWatch Logs takes, such as 30, 90 or 365."
  }
}

variable "kms_key_arn" {
  description = "KMS key for the work bucket, the table of records, logs and environment variables; null uses AWS's own keys. Its policy must let CloudWatch Logs use it."
  type        = string
  default     = null
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

variable "enable_tracing" {
  description = "Whether X-Ray traces the Lambdas."
  type        = bool
  default     = false
}

variable "alarm_topic_arns" {
  description = "SNS topics that hear of alarms."
  type        = set(string)
  default     = []
}
