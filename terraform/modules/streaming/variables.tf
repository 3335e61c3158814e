variable "stream_name" {
  description = "Name of the Kinesis stream that producers write to."
  type        = string
}

variable "enable_delivery" {
  description = "Bring the records to the raw bucket by Firehose. Without it the stream is for a streaming job alone."
  type        = bool
  default     = true
}

variable "delivery_stream_name" {
  description = "Name of the Firehose stream that brings its records to the raw bucket."
  type        = string
}

variable "role_arn" {
  description = "Role of Firehose: reads the stream, writes the raw bucket and its log. Null without delivery."
  type        = string
  default     = null

  validation {
    condition     = !var.enable_delivery || var.role_arn != null
    error_message = "role_arn must be set with enable_delivery: Firehose needs a role."
  }
}

variable "raw_bucket_arn" {
  description = "ARN of the raw bucket."
  type        = string
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the stream and the files. Producers need kms:GenerateDataKey on it."
  type        = string
}

variable "log_group_name" {
  description = "Log group for what could not be delivered. It is made elsewhere. Null without delivery."
  type        = string
  default     = null
}

variable "incoming_prefix" {
  description = "Key prefix under which the pipeline looks for new files."
  type        = string

  validation {
    condition     = endswith(var.incoming_prefix, "/")
    error_message = "incoming_prefix must end with /."
  }
}

variable "errors_prefix" {
  description = "Key prefix of records that could not be delivered, for instance because they name no dataset. The pipeline must not look there."
  type        = string
  default     = "data/undelivered/"

  validation {
    condition     = endswith(var.errors_prefix, "/") && !startswith(var.errors_prefix, var.incoming_prefix)
    error_message = "errors_prefix must end with / and lie outside incoming_prefix."
  }
}

variable "dataset_query" {
  description = "Where a record says which dataset it belongs to, as a jq expression that gives a text."
  type        = string
  default     = ".dataset"

  validation {
    condition     = startswith(var.dataset_query, ".") || startswith(var.dataset_query, "(")
    error_message = "dataset_query must be a jq expression on the record, such as .dataset or .meta.table."
  }
}

variable "shard_count" {
  description = "Shards of the stream, 1 MB/s each. Null: on demand, which costs more by the gigabyte and nothing to look after."
  type        = number
  default     = null

  validation {
    condition     = var.shard_count == null || try(var.shard_count >= 1 && floor(var.shard_count) == var.shard_count, false)
    error_message = "shard_count must be a whole number of at least 1, or null."
  }
}

variable "retention_hours" {
  description = "Hours for which the stream keeps records, so that Firehose can catch up: 24 to 8760."
  type        = number
  default     = 72

  validation {
    condition     = var.retention_hours >= 24 && var.retention_hours <= 8760
    error_message = "retention_hours must be between 24 and 8760."
  }
}

variable "buffering_seconds" {
  description = "Seconds for which records of a dataset are gathered into one file, 60 to 900. Every file starts a run of the workflow, unless one is going on."
  type        = number
  default     = 300

  validation {
    condition     = var.buffering_seconds >= 60 && var.buffering_seconds <= 900
    error_message = "buffering_seconds must be between 60 and 900."
  }
}

variable "buffering_mb" {
  description = "Megabytes of records of a dataset that make a file at once, 64 to 128."
  type        = number
  default     = 128

  validation {
    condition     = var.buffering_mb >= 64 && var.buffering_mb <= 128
    error_message = "buffering_mb must be between 64 and 128: with dynamic partitioning Firehose takes no less."
  }
}
