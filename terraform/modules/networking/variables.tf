variable "name_prefix" {
  description = "Prefix of every name, <project>-<environment>."
  type        = string
}

variable "vpc_cidr" {
  description = "Address range of the VPC, a /16 to a /24."
  type        = string
  default     = "10.20.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 24, false)
    error_message = "vpc_cidr must be an IPv4 range between /16 and /24, such as 10.20.0.0/16."
  }
}

variable "availability_zones" {
  description = "Zones of the private subnets, one subnet each. At least two, so that one zone may fail."
  type        = list(string)

  validation {
    condition     = length(var.availability_zones) >= 2 && length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "availability_zones must name at least two different zones."
  }
}

variable "interface_endpoints" {
  description = "AWS services the jobs reach by interface endpoints, by their short name. Each costs money per zone and hour."
  type        = set(string)
  default     = ["glue", "kms", "logs", "monitoring", "secretsmanager", "sns", "sts"]
}

variable "flow_log_role_arn" {
  description = "Role with which the VPC writes its flow logs."
  type        = string
}

variable "flow_log_group_arn" {
  description = "CloudWatch log group that receives the flow logs."
  type        = string
}
