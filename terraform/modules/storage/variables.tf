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

variable "retention_days" {
  description = <<-EOT
    Days after which the lifecycle rules act.
    raw_archive: move raw files to Glacier Instant Retrieval. infrequent: move processed files to Standard-IA.
    reports: delete quality reports and quarantined data. temporary: delete job scratch space in the scripts bucket.
    noncurrent: delete overwritten or deleted versions. uploads: abort unfinished multipart uploads.
  EOT
  type = object({
    raw_archive = optional(number, 90)
    infrequent  = optional(number, 90)
    reports     = optional(number, 730)
    temporary   = optional(number, 7)
    noncurrent  = optional(number, 30)
    uploads     = optional(number, 7)
  })
  default = {}

  validation {
    condition     = alltrue([for days in values(var.retention_days) : days >= 1])
    error_message = "Every value of retention_days must be at least 1."
  }

  validation {
    condition     = var.retention_days.infrequent >= 30
    error_message = "retention_days.infrequent must be at least 30: S3 moves nothing to Standard-IA earlier."
  }
}
