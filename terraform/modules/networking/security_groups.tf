# Who may speak to whom. Nothing is opened to an address range of the internet.
locals {
  endpoint_groups = local.own_endpoints ? { endpoints = "${var.name_prefix}-endpoints" } : {}

  # Endpoints that were there before are somewhere in the VPC.
  existing_ranges = !local.own_endpoints && length(local.security_groups) > 0 ? toset(data.aws_vpc.existing[0].cidr_block_associations[*].cidr_block) : toset([])
}

# Glue requires that the workers of a job can talk to each other on every port.
resource "aws_security_group" "glue" {
  #checkov:skip=CKV2_AWS_5:The Glue connections attach it (main.tf), by way of a local value that the check can't follow.
  for_each = local.security_groups

  name        = each.value
  description = "Glue workers: everything among themselves, HTTPS to AWS endpoints"
  vpc_id      = local.vpc_id

  tags = { Name = each.value }
}

resource "aws_vpc_security_group_ingress_rule" "glue_self" {
  for_each = aws_security_group.glue

  security_group_id            = each.value.id
  description                  = "Workers of a job among themselves"
  referenced_security_group_id = each.value.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_egress_rule" "glue_self" {
  for_each = aws_security_group.glue

  security_group_id            = each.value.id
  description                  = "Workers of a job among themselves"
  referenced_security_group_id = each.value.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_egress_rule" "glue_gateway" {
  for_each = { for service in local.gateway_services : service => service if length(local.security_groups) > 0 }

  security_group_id = aws_security_group.glue["glue"].id
  description       = "HTTPS to ${each.key} through its gateway endpoint"
  prefix_list_id    = local.gateway_prefix_lists[each.key]
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "glue_endpoints" {
  for_each = { for key, group in aws_security_group.endpoints : key => group if length(local.security_groups) > 0 }

  security_group_id            = aws_security_group.glue["glue"].id
  description                  = "HTTPS to the interface endpoints"
  referenced_security_group_id = each.value.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "glue_vpc" {
  for_each = local.existing_ranges

  security_group_id = aws_security_group.glue["glue"].id
  description       = "HTTPS to the endpoints that the VPC has"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_security_group" "endpoints" {
  #checkov:skip=CKV2_AWS_5:The interface endpoints attach it (main.tf), by a key that the check can't follow.
  for_each = local.endpoint_groups

  name        = each.value
  description = "Interface endpoints: HTTPS from the Glue workers"
  vpc_id      = local.vpc_id

  tags = { Name = each.value }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each = local.own_endpoints ? { for index, id in local.security_group_ids : index => id } : {}

  security_group_id            = aws_security_group.endpoints["endpoints"].id
  description                  = "HTTPS from the Glue workers"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

moved {
  from = aws_security_group.glue
  to   = aws_security_group.glue["glue"]
}

moved {
  from = aws_security_group.endpoints
  to   = aws_security_group.endpoints["endpoints"]
}

moved {
  from = aws_vpc_security_group_ingress_rule.glue_self
  to   = aws_vpc_security_group_ingress_rule.glue_self["glue"]
}

moved {
  from = aws_vpc_security_group_egress_rule.glue_self
  to   = aws_vpc_security_group_egress_rule.glue_self["glue"]
}

moved {
  from = aws_vpc_security_group_egress_rule.glue_endpoints
  to   = aws_vpc_security_group_egress_rule.glue_endpoints["endpoints"]
}

moved {
  from = aws_vpc_security_group_ingress_rule.endpoints
  to   = aws_vpc_security_group_ingress_rule.endpoints["0"]
}
