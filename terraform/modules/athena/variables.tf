variable "name" {
  description = "Name of the workgroup."
  type        = string
}

variable "description" {
  description = "What the workgroup is for."
  type        = string
  default     = "Queries on the tables of the pipeline"
}

variable "database_name" {
  description = "Glue database that the named queries are about."
  type        = string
}

variable "results_uri" {
  description = "Where results lie, as s3://bucket/folder/. They are copies of data, so their folder should expire."
  type        = string

  validation {
    condition     = can(regex("^s3://[^/]+/(.+/)?$", var.results_uri))
    error_message = "results_uri must look like s3://bucket/folder/."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the results."
  type        = string
}

variable "scan_limit_gb" {
  description = "Gigabytes that one query may scan; one that needs more is ended. Athena's least is 10 MB."
  type        = number
  default     = 100

  validation {
    condition     = var.scan_limit_gb >= 0.01
    error_message = "scan_limit_gb must be at least 0.01."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete a workgroup that has been used: its history and named queries go with it."
  type        = bool
  default     = false
}

variable "named_queries" {
  description = "Queries to begin with, by name."
  type = map(object({
    description = string
    query       = string
  }))
  default = {}

  validation {
    condition     = alltrue([for name in keys(var.named_queries) : length(name) <= 128])
    error_message = "Names of named_queries may have at most 128 characters."
  }
}
