output "vpc_id" {
  description = "Id of the VPC."
  value       = local.vpc_id
}

output "private_subnet_ids" {
  description = "Ids of the jobs' subnets: by zone in a VPC of their own, by id in one that was there."
  value       = { for key, subnet in local.subnets : key => subnet.id }
}

output "security_group_ids" {
  description = "Security groups of the Glue workers."
  value       = local.security_group_ids
}

output "glue_connection_names" {
  description = "Names of the Glue NETWORK connections, one per subnet."
  value       = [for connection in aws_glue_connection.network : connection.name]
}
