output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "Ids of the private subnets by zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "glue_security_group_id" {
  description = "Security group of the Glue workers."
  value       = aws_security_group.glue.id
}

output "glue_connection_names" {
  description = "Names of the Glue NETWORK connections, one per zone."
  value       = [for connection in aws_glue_connection.network : connection.name]
}
