# Where the jobs run: private subnets of a VPC of their own (vpc.tf), or subnets of a VPC that is there already. Here is
# what both have: what the jobs reach without the internet, their security group, and the connections of Glue.
data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

data "aws_vpc" "existing" {
  count = local.own ? 0 : 1

  id = var.existing_vpc.vpc_id
}

data "aws_subnet" "existing" {
  for_each = local.own ? toset([]) : var.existing_vpc.subnet_ids

  id     = each.value
  vpc_id = var.existing_vpc.vpc_id
}

# Names for the addresses of S3 and DynamoDB: what their gateway endpoints lead to.
data "aws_ec2_managed_prefix_list" "gateway" {
  for_each = local.own ? toset([]) : local.gateway_services

  name = "com.amazonaws.${local.region}.${each.key}"
}

locals {
  own    = var.existing_vpc == null
  region = data.aws_region.current.name
  vpc_id = local.own ? aws_vpc.this[0].id : var.existing_vpc.vpc_id

  gateway_services = toset(["dynamodb", "s3"])

  # By zone in a VPC of our own, by id in one that is there already: two of its subnets may lie in one zone.
  subnets = local.own ? {
    for zone, subnet in aws_subnet.private : zone => { id = subnet.id, zone = subnet.availability_zone }
    } : {
    for id, subnet in data.aws_subnet.existing : id => { id = subnet.id, zone = subnet.availability_zone }
  }

  gateway_prefix_lists = local.own ? { for service, endpoint in aws_vpc_endpoint.gateway : service => endpoint.prefix_list_id } : {
    for service, list in data.aws_ec2_managed_prefix_list.gateway : service => list.id
  }

  own_endpoints = local.own || try(var.existing_vpc.create_endpoints, false)

  security_groups    = local.own || length(try(var.existing_vpc.security_group_ids, [])) == 0 ? { glue = "${var.name_prefix}-glue" } : {}
  security_group_ids = length(local.security_groups) == 0 ? var.existing_vpc.security_group_ids : [aws_security_group.glue["glue"].id]

  # An endpoint lets everybody of this account through, to do what their own policies allow, and nobody with credentials
  # of another one: data can't be carried out with them.
  endpoint_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OwnAccountOnly"
      Effect    = "Allow"
      Principal = "*"
      Action    = "*"
      Resource  = "*"
      Condition = { StringEquals = { "aws:PrincipalAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.own_endpoints ? var.interface_endpoints : []

  vpc_id              = local.vpc_id
  service_name        = "com.amazonaws.${local.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in local.subnets : subnet.id]
  security_group_ids  = [aws_security_group.endpoints["endpoints"].id]
  policy              = local.endpoint_policy

  tags = { Name = "${var.name_prefix}-${each.key}" }
}

# One connection per subnet: a job lists them all, and Glue takes one whose zone has room.
resource "aws_glue_connection" "network" {
  for_each = local.subnets

  name            = "${var.name_prefix}-network-${each.key}"
  description     = "Runs Glue jobs in the subnet of ${each.key}"
  connection_type = "NETWORK"

  physical_connection_requirements {
    availability_zone      = each.value.zone
    subnet_id              = each.value.id
    security_group_id_list = local.security_group_ids
  }
}
