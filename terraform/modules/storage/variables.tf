variable "bucket_names" {
  description = "Full bucket names by layer. The layers are raw, processed, curated, quality and scripts."
  type        = map(string)

  validation {
    condition     = toset(keys(var.bucket_names)) == toset(["raw", "processed", "curated", "quality", "scripts"])
    error_message = "bucket_names must have exactly the keys raw, processed, curated, quality and scripts."
  }

  validation {
    condition     = alltrue([for name in values(var.bucket_names) : can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", name))])
    error_message = "Every bucket name must have 3 to 63 characters: lower-case letters, digits and hyphens, with a letter or digit at both ends."
  }
}

variable "table_names" {
  description = "Full names of the DynamoDB tables: job_bookmarks (which files are claimed) and job_state (runs, batches, metrics, leases)."
  type = object({
    job_bookmarks = string
    job_state     = string
  })
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the buckets and tables."
  type        = string
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete buckets that still hold objects. Only for environments whose data may be lost."
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Refuse to delete the DynamoDB tables until this is switched off."
  type        = bool
  default     = true
}

variable "point_in_time_recovery" {
  description = "Keep continuous backups of the DynamoDB tables (35 days)."
  type        = bool
  default     = true
}

variable "access_log_bucket_name" {
  description = "Full name of the bucket that gets the access logs of the others. Null: no access logs."
  type        = string
  default     = null

  validation {
    condition     = var.access_log_bucket_name == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.access_log_bucket_name))
    error_message = "access_log_bucket_name must have 3 to 63 characters: lower-case letters, digits and hyphens, with a letter or digit at both ends."
  }
}

variable "enable_transfer_acceleration" {
  description = "Let senders far away bring their files into the raw bucket over S3's edge locations. It costs by the gigabyte."
  type        = bool
  default     = false
}

variable "retention_days" {
  description = <<-EOT
    Days after which the lifecycle rules act. 0: never, but for temporary, noncurrent and uploads.
    raw_infrequent, raw_archive, raw_deep_archive: move raw files to Standard-IA, Glacier Instant Retrieval, Glacier Deep
    Archive, where a file must be restored before it can be read again. raw_expire: delete raw files.
    infrequent: move processed files to Standard-IA. reports: delete quality reports, their results for SQL, and quarantined data.
    temporary: delete job scratch space in the scripts bucket. access_logs: delete access logs.
    noncurrent: delete overwritten or deleted versions. uploads: abort unfinished multipart uploads.
  EOT
  type = object({
    raw_infrequent   = optional(number, 0)
    raw_archive      = optional(number, 90)
    raw_deep_archive = optional(number, 0)
    raw_expire       = optional(number, 0)
    infrequent       = optional(number, 90)
    reports          = optional(number, 730)
    temporary        = optional(number, 7)
    access_logs      = optional(number, 365)
    noncurrent       = optional(number, 30)
    uploads          = optional(number, 7)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for days in values(var.retention_days) : days >= 0 && floor(days) == days])
    error_message = "Every value of retention_days must be a whole number of days, or 0 for never."
  }

  validation {
    condition     = alltrue([for days in [var.retention_days.temporary, var.retention_days.noncurrent, var.retention_days.uploads] : days >= 1])
    error_message = "retention_days.temporary, noncurrent and uploads must be at least 1: what nobody sees any more would be paid for ever."
  }

  validation {
    condition     = alltrue([for days in [var.retention_days.infrequent, var.retention_days.raw_infrequent] : days == 0 || days >= 30])
    error_message = "retention_days.infrequent and raw_infrequent must be at least 30: S3 moves nothing to Standard-IA earlier."
  }

  # Each step must come after the ones before; what has moved stays paid for in Standard-IA 30, in Glacier 90, in Deep Archive 180 days.
  validation {
    condition = alltrue([for step in [
      { from = var.retention_days.raw_infrequent, stay = 30, to = var.retention_days.raw_archive },
      { from = var.retention_days.raw_infrequent, stay = 30, to = var.retention_days.raw_deep_archive },
      { from = var.retention_days.raw_archive, stay = 90, to = var.retention_days.raw_deep_archive },
      { from = var.retention_days.raw_infrequent, stay = 30, to = var.retention_days.raw_expire },
      { from = var.retention_days.raw_archive, stay = 90, to = var.retention_days.raw_expire },
      { from = var.retention_days.raw_deep_archive, stay = 180, to = var.retention_days.raw_expire },
    ] : step.from == 0 || step.to == 0 || step.to >= step.from + step.stay])
    error_message = "retention_days of raw must grow: raw_archive 30 days or more after raw_infrequent, raw_deep_archive 90 or more after that, raw_expire 30, 90 or 180 after the last of them."
  }
}
