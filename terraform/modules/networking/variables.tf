variable "name_prefix" {
  description = "Prefix of every name, <project>-<environment>."
  type        = string
}

variable "existing_vpc" {
  description = <<-EOT
    A VPC that is there already, instead of one of the jobs' own. subnet_ids: its subnets in which jobs run.
    security_group_ids: groups of the workers, which must let them talk to each other on every port; without any, one is
    made. create_endpoints: make the interface endpoints, too; gateway endpoints for S3 and DynamoDB it must have itself.
  EOT
  type = object({
    vpc_id             = string
    subnet_ids         = set(string)
    security_group_ids = optional(list(string), [])
    create_endpoints   = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.existing_vpc == null || can(regex("^vpc-[0-9a-f]+$", var.existing_vpc.vpc_id))
    error_message = "existing_vpc.vpc_id must be the id of a VPC, such as vpc-0123456789abcdef0."
  }

  validation {
    condition     = var.existing_vpc == null || try(length(var.existing_vpc.subnet_ids) >= 1 && alltrue([for id in var.existing_vpc.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))]), false)
    error_message = "existing_vpc.subnet_ids must name at least one subnet, such as subnet-0123456789abcdef0; two in different zones, so that one zone may fail."
  }

  validation {
    condition     = var.existing_vpc == null || try(alltrue([for id in var.existing_vpc.security_group_ids : can(regex("^sg-[0-9a-f]+$", id))]), false)
    error_message = "existing_vpc.security_group_ids must be ids of security groups, such as sg-0123456789abcdef0."
  }
}

variable "vpc_cidr" {
  description = "Address range of the VPC of the jobs' own, a /16 to a /24."
  type        = string
  default     = "10.20.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 24, false)
    error_message = "vpc_cidr must be an IPv4 range between /16 and /24, such as 10.20.0.0/16."
  }
}

variable "availability_zones" {
  description = "Zones of the VPC of the jobs' own, one private subnet each. At least two, so that one zone may fail."
  type        = list(string)
  default     = []

  validation {
    condition     = var.existing_vpc != null || length(var.availability_zones) >= 2 && length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "availability_zones must name at least two different zones."
  }
}

variable "interface_endpoints" {
  description = "AWS services the jobs reach by interface endpoints, by their short name. Each costs money per zone and hour."
  type        = set(string)
  default     = ["events", "glue", "kms", "logs", "monitoring", "secretsmanager", "sns", "sqs", "sts"]

  validation {
    condition     = length(setsubtract(["glue", "kms", "logs", "monitoring", "secretsmanager", "sns"], var.interface_endpoints)) == 0
    error_message = "interface_endpoints must hold glue, kms, logs, monitoring, secretsmanager and sns: without a way to the internet the jobs reach them by no other way."
  }
}

variable "enable_nat_gateway" {
  description = "Give the VPC of the jobs' own a NAT gateway, so that jobs reach sources in the internet. It costs money by the hour and by the gigabyte."
  type        = bool
  default     = false

  validation {
    condition     = !var.enable_nat_gateway || var.existing_vpc == null
    error_message = "enable_nat_gateway is for the VPC of the jobs' own; an existing_vpc has its own routes."
  }
}

variable "internet_ports" {
  description = "Ports that jobs may reach in the internet, with enable_nat_gateway: 443 for APIs, 5432 for PostgreSQL."
  type        = set(number)
  default     = [443]

  validation {
    condition     = alltrue([for port in var.internet_ports : port >= 1 && port <= 65535 && floor(port) == port])
    error_message = "internet_ports must be whole numbers from 1 to 65535."
  }
}

variable "flow_logs" {
  description = "Where the VPC of the jobs' own writes its flow logs: log_group_arn, and role_arn of the role that may. A VPC that is there already has its own."
  type = object({
    log_group_arn = string
    role_arn      = string
  })
  default = null

  validation {
    condition     = var.existing_vpc != null || var.flow_logs != null
    error_message = "flow_logs must say where the flow logs of the new VPC go."
  }
}
