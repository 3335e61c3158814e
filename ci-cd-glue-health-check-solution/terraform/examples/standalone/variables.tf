variable "name_prefix" {
  description = "Begins the names of everything."
  type        = string
  default     = "glue-health-check"
}

variable "work_bucket_name" {
  description = "Name of the bucket of the checks; names of buckets are global."
  type        = string
}

variable "create_work_bucket" {
  description = "Whether it is made, or found."
  type        = bool
  default     = true
}

variable "local_cloud" {
  description = "Whether this is a local cloud (AWS_ENDPOINT_URL) and no account of AWS."
  type        = bool
  default     = false
}

variable "build_dir" {
  description = "Folder with what scripts/package_lambdas.py has packed."
  type        = string
}

variable "webhook" {
  description = "GitHub's webhook, as the module takes it; off by default."
  type        = any
  default     = {}
}

variable "github_api_url" {
  description = "GitHub's API."
  type        = string
  default     = "https://api.github.com"
}

variable "github_token_secret_arn" {
  description = "Secret with a token of GitHub; null for none."
  type        = string
  default     = null
}

variable "base_job_names" {
  description = "Jobs that checks may clone."
  type        = set(string)
  default     = []
}

variable "passable_role_arns" {
  description = "Roles that temporary jobs may be given, beside the module's own."
  type        = set(string)
  default     = []
}

variable "guarded_buckets" {
  description = "Buckets that are watched for writes."
  type        = set(string)
  default     = []
}

variable "alarm_topic_arns" {
  description = "SNS topics that hear of alarms."
  type        = set(string)
  default     = []
}
