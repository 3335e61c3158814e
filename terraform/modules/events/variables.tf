variable "queue_names" {
  description = "Names of the queues that feed the Lambdas; each gets a dead-letter queue of the same name with -dlq."
  type = object({
    data_events = string
    job_events  = string
  })
}

variable "queue_arns" {
  description = "ARNs that the queues of queue_names will have."
  type = object({
    data_events = string
    job_events  = string
  })
}

variable "topics" {
  description = <<-EOT
    The SNS topics by key. name: full name. display_name: what mails show as their sender, at most 100 characters.
    publishers: AWS services that publish to it, besides what the roles may.
  EOT
  type = map(object({
    name         = string
    display_name = string
    publishers   = optional(set(string), ["cloudwatch.amazonaws.com"])
  }))

  validation {
    condition     = length(setsubtract(["alerts", "notifications", "performance", "system_health"], keys(var.topics))) == 0
    error_message = "topics must have the keys alerts, notifications, performance and system_health; more are allowed."
  }

  validation {
    condition     = alltrue([for topic in var.topics : length(topic.display_name) <= 100])
    error_message = "A topic's display_name may have at most 100 characters."
  }

  validation {
    condition = alltrue(flatten([for topic in var.topics : [
      for service in topic.publishers : contains(["budgets.amazonaws.com", "cloudwatch.amazonaws.com", "costalerts.amazonaws.com"], service)
    ]]))
    error_message = "publishers may hold cloudwatch.amazonaws.com, budgets.amazonaws.com and costalerts.amazonaws.com: the KMS key lets no other service publish."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the topics and the environment of the Lambdas."
  type        = string
}

variable "raw_bucket_name" {
  description = "Bucket whose new objects start the workflow."
  type        = string
}

variable "incoming_prefix" {
  description = "Key prefix under which new files arrive."
  type        = string
}

variable "job_names" {
  description = "Glue jobs whose state changes are told to the monitoring Lambda."
  type        = list(string)
}

variable "schedules" {
  description = <<-EOT
    Messages that come by the clock, by key. name: of the EventBridge rule. description: what for. expression: cron(…) or
    rate(…), UTC. queue: the queue, and with it the Lambda, that gets the message. input: the message, as JSON.
  EOT
  type = map(object({
    name        = string
    description = string
    expression  = string
    queue       = string
    input       = string
  }))
  default = {}

  validation {
    condition     = alltrue([for schedule in var.schedules : can(regex("^(cron|rate)\\(.+\\)$", schedule.expression))])
    error_message = "Every expression of schedules must look like cron(0 2 * * ? *) or rate(1 hour)."
  }

  validation {
    condition     = alltrue([for schedule in var.schedules : contains(["data_events", "job_events"], schedule.queue)])
    error_message = "Every queue of schedules must be data_events or job_events."
  }

  validation {
    condition     = alltrue([for schedule in var.schedules : can(jsondecode(schedule.input))])
    error_message = "Every input of schedules must be JSON."
  }

  validation {
    condition     = length(setintersection(keys(var.schedules), ["data_events", "job_events"])) == 0
    error_message = "data_events and job_events are keys of the rules that watch events; give a schedule another one."
  }
}

variable "lambdas" {
  description = <<-EOT
    The two Lambdas. zip: their code, made by terraform/scripts/package.py. role_arn, log_group_name: made elsewhere.
    environment: variables beside LOG_LEVEL and Powertools' service name. memory_mb, timeout_seconds: limits of one call.
    batch_size, batching_window_seconds: how many messages one call takes, and how long it may wait for them.
    maximum_concurrency: calls at a time that the queue may cause, 2 to 1000; null sets no limit.
    max_receive_count: how often a message is tried, six timeouts apart, before it goes to the dead-letter queue.
  EOT
  type = map(object({
    name                    = string
    description             = string
    zip                     = string
    role_arn                = string
    log_group_name          = string
    environment             = map(string)
    memory_mb               = optional(number, 256)
    timeout_seconds         = optional(number, 60)
    batch_size              = optional(number, 100)
    batching_window_seconds = optional(number, 5)
    maximum_concurrency     = optional(number)
    max_receive_count       = optional(number, 10)
  }))

  validation {
    condition     = toset(keys(var.lambdas)) == toset(["data_trigger", "monitoring"])
    error_message = "lambdas must have exactly the keys data_trigger and monitoring."
  }

  validation {
    condition     = alltrue([for lambda in var.lambdas : lambda.batching_window_seconds >= 1 || lambda.batch_size <= 10])
    error_message = "A batch_size above 10 needs a batching_window_seconds of at least 1."
  }

  validation {
    condition     = alltrue([for lambda in var.lambdas : lambda.max_receive_count >= 1 && lambda.max_receive_count <= 1000])
    error_message = "max_receive_count must be between 1 and 1000."
  }

  validation {
    condition     = alltrue([for lambda in var.lambdas : lambda.timeout_seconds >= 1 && lambda.timeout_seconds <= 900])
    error_message = "timeout_seconds must be between 1 and 900."
  }

  validation {
    condition     = alltrue([for lambda in var.lambdas : lambda.memory_mb >= 128 && lambda.memory_mb <= 10240])
    error_message = "memory_mb must be between 128 and 10240."
  }

  validation {
    condition     = alltrue([for lambda in var.lambdas : try(lambda.maximum_concurrency >= 2 && lambda.maximum_concurrency <= 1000, lambda.maximum_concurrency == null)])
    error_message = "maximum_concurrency must be between 2 and 1000, or null."
  }
}

variable "lambda_runtime" {
  description = "Python runtime of the Lambdas."
  type        = string
  default     = "python3.12"

  validation {
    condition     = contains(["python3.11", "python3.12", "python3.13"], var.lambda_runtime)
    error_message = "lambda_runtime must be python3.11, python3.12 or python3.13."
  }
}

variable "lambda_tracing" {
  description = "Whether X-Ray traces the Lambdas: Active, or PassThrough where nobody asked for it. Active takes xray:PutTraceSegments and xray:PutTelemetryRecords in their roles."
  type        = string
  default     = "PassThrough"

  validation {
    condition     = contains(["Active", "PassThrough"], var.lambda_tracing)
    error_message = "lambda_tracing must be Active or PassThrough."
  }
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

variable "alert_emails" {
  description = "Mail addresses subscribed to every topic. Each gets a mail from AWS to confirm, one a topic."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "Every entry of alert_emails must be a mail address."
  }
}

variable "subscriptions" {
  description = <<-EOT
    Who else hears of what, by any key. topic: key of a topic. protocol: email, email-json, https, lambda, sms or sqs.
    endpoint: address, URL, ARN or telephone number. raw: the bare message, without SNS's envelope (https and sqs only).
  EOT
  type = map(object({
    topic    = string
    protocol = string
    endpoint = string
    raw      = optional(bool, false)
  }))
  default = {}

  validation {
    condition     = alltrue([for subscription in var.subscriptions : contains(keys(var.topics), subscription.topic)])
    error_message = "Every topic of subscriptions must be the key of a topic: alerts, notifications, performance or system_health."
  }

  validation {
    condition     = alltrue([for subscription in var.subscriptions : contains(["email", "email-json", "https", "lambda", "sms", "sqs"], subscription.protocol)])
    error_message = "Every protocol of subscriptions must be email, email-json, https, lambda, sms or sqs."
  }

  validation {
    condition     = alltrue([for subscription in var.subscriptions : !subscription.raw || contains(["https", "sqs"], subscription.protocol)])
    error_message = "Only https and sqs subscriptions may be raw."
  }
}
