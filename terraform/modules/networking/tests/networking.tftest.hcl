mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }

  mock_data "aws_subnet" {
    defaults = { availability_zone = "us-east-1a" }
  }

  mock_data "aws_vpc" {
    defaults = { cidr_block_associations = [{ cidr_block = "10.9.0.0/16" }] }
  }

  mock_data "aws_ec2_managed_prefix_list" {
    defaults = { id = "pl-63a5400a" }
  }
}

variables {
  name_prefix        = "demo-test"
  availability_zones = ["us-east-1a", "us-east-1b"]
  flow_logs = {
    role_arn      = "arn:aws:iam::123456789012:role/demo-test-vpc-flow-logs"
    log_group_arn = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/vpc/demo-test"
  }
}

run "one_private_subnet_and_connection_per_zone" {
  command = plan

  assert {
    condition     = [for zone, subnet in aws_subnet.private : subnet.cidr_block] == ["10.20.0.0/20", "10.20.16.0/20"]
    error_message = "Each zone must get a sixteenth of the range, without overlap."
  }

  assert {
    condition     = toset(keys(aws_glue_connection.network)) == toset(var.availability_zones)
    error_message = "Glue must be able to run in each zone."
  }
}

run "workers_can_talk_to_each_other_on_every_port" {
  command = plan

  assert {
    condition     = aws_vpc_security_group_ingress_rule.glue_self["glue"].ip_protocol == "-1" && aws_vpc_security_group_egress_rule.glue_self["glue"].ip_protocol == "-1"
    error_message = "Glue refuses a connection whose security group does not refer to itself on all ports."
  }
}

run "nothing_but_endpoints_can_be_reached" {
  command = plan

  assert {
    condition     = toset(keys(aws_vpc_endpoint.gateway)) == toset(["s3", "dynamodb"])
    error_message = "S3 and DynamoDB go through gateway endpoints, which are free."
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_egress_rule.glue_gateway : rule.cidr_ipv4 == null && rule.from_port == 443])
    error_message = "No rule may open the workers to an address range."
  }
}

run "by_default_there_is_no_way_to_the_internet" {
  command = plan

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_internet_gateway.this) == 0 && length(aws_route.private_to_internet) == 0
    error_message = "Without enable_nat_gateway nothing may lead to the internet."
  }

  assert {
    condition     = length(aws_vpc_security_group_egress_rule.glue_internet) == 0
    error_message = "Without enable_nat_gateway the workers may reach nothing but endpoints."
  }
}

run "a_nat_gateway_opens_the_ports_that_are_named" {
  command = plan

  variables {
    enable_nat_gateway = true
    internet_ports     = [443, 5432]
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.private_to_internet) == 1 && length(aws_route.public) == 1
    error_message = "Private subnets must reach the internet through the gateway, and the gateway through its own subnet."
  }

  assert {
    condition     = !contains([for subnet in aws_subnet.private : subnet.cidr_block], aws_subnet.public["nat"].cidr_block) && aws_subnet.public["nat"].map_public_ip_on_launch != true
    error_message = "The gateway must have a range of its own, in which nothing else gets an address of the internet."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_egress_rule.glue_internet : rule.to_port]) == toset([443, 5432]) && alltrue([for rule in aws_vpc_security_group_egress_rule.glue_internet : rule.from_port == rule.to_port])
    error_message = "The workers may reach the named ports in the internet, and no other."
  }

  assert {
    condition     = length(aws_vpc_endpoint.gateway) == 2 && length(aws_vpc_endpoint.interface) > 0
    error_message = "AWS must still be reached through endpoints."
  }
}

run "a_nat_gateway_for_a_vpc_of_others_and_a_port_that_is_none_are_refused" {
  command = plan

  variables {
    enable_nat_gateway = true
    internet_ports     = [0]
    existing_vpc       = { vpc_id = "vpc-0123", subnet_ids = ["subnet-0123"] }
  }

  expect_failures = [var.enable_nat_gateway, var.internet_ports]
}

run "what_the_jobs_call_has_an_endpoint" {
  command = plan

  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["events", "glue", "kms", "logs", "monitoring", "secretsmanager", "sns", "sqs", "sts"])
    error_message = "Every AWS service of the pipeline must be reached without the internet."
  }

  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled])
    error_message = "The services' usual names must lead to the endpoints."
  }
}

run "endpoints_let_nobody_of_another_account_through" {
  command = plan

  assert {
    condition = alltrue([for endpoint in concat(values(aws_vpc_endpoint.gateway), values(aws_vpc_endpoint.interface)) :
      jsondecode(endpoint.policy).Statement[0].Condition.StringEquals["aws:PrincipalAccount"] == "123456789012"
    ])
    error_message = "With credentials of another account data could be carried out."
  }
}

run "all_traffic_is_logged" {
  command = plan

  assert {
    condition     = aws_flow_log.this[0].traffic_type == "ALL" && aws_flow_log.this[0].iam_role_arn == var.flow_logs.role_arn
    error_message = "Flow logs must hold what was let through and what was not."
  }
}

run "an_existing_vpc_gets_connections_and_a_group_and_nothing_else" {
  command = plan

  variables {
    existing_vpc = { vpc_id = "vpc-0a1b", subnet_ids = ["subnet-0a", "subnet-0b"] }
    flow_logs    = null
  }

  assert {
    condition     = toset(keys(aws_glue_connection.network)) == toset(["subnet-0a", "subnet-0b"])
    error_message = "Glue must be able to run in each of the subnets given."
  }

  assert {
    condition     = length(aws_vpc.this) + length(aws_subnet.private) + length(aws_vpc_endpoint.gateway) + length(aws_vpc_endpoint.interface) + length(aws_flow_log.this) == 0
    error_message = "What the VPC has must be left to whoever made it."
  }

  assert {
    condition     = aws_security_group.glue["glue"].vpc_id == "vpc-0a1b" && [for rule in aws_vpc_security_group_egress_rule.glue_vpc : rule.cidr_ipv4] == ["10.9.0.0/16"]
    error_message = "The workers must reach the VPC's endpoints, and nothing outside it."
  }
}

run "an_existing_vpc_s_groups_are_used_as_they_are" {
  command = plan

  variables {
    existing_vpc = { vpc_id = "vpc-0a1b", subnet_ids = ["subnet-0a"], security_group_ids = ["sg-0c"] }
    flow_logs    = null
  }

  assert {
    condition     = length(aws_security_group.glue) == 0 && aws_glue_connection.network["subnet-0a"].physical_connection_requirements[0].security_group_id_list == toset(["sg-0c"])
    error_message = "The groups given must be used, and no other made."
  }
}

run "an_existing_vpc_without_endpoints_can_be_given_them" {
  command = plan

  variables {
    existing_vpc = { vpc_id = "vpc-0a1b", subnet_ids = ["subnet-0a"], security_group_ids = ["sg-0c"], create_endpoints = true }
    flow_logs    = null
  }

  assert {
    condition     = length(aws_vpc_endpoint.interface) == 9 && [for rule in aws_vpc_security_group_ingress_rule.endpoints : rule.referenced_security_group_id] == ["sg-0c"]
    error_message = "The endpoints must be made, and open to the workers' group."
  }
}

run "an_existing_vpc_without_subnets_is_refused" {
  command = plan

  variables {
    existing_vpc = { vpc_id = "vpc-0a1b", subnet_ids = [] }
  }

  expect_failures = [var.existing_vpc]
}

run "an_existing_vpc_by_its_name_is_refused" {
  command = plan

  variables {
    existing_vpc = { vpc_id = "shared", subnet_ids = ["subnet-0a"] }
  }

  expect_failures = [var.existing_vpc]
}

run "groups_by_their_names_are_refused" {
  command = plan

  variables {
    existing_vpc = { vpc_id = "vpc-0a1b", subnet_ids = ["subnet-0a"], security_group_ids = ["default"] }
  }

  expect_failures = [var.existing_vpc]
}

run "a_vpc_without_flow_logs_is_refused" {
  command = plan

  variables {
    flow_logs = null
  }

  expect_failures = [var.flow_logs]
}

run "endpoints_that_jobs_can_not_do_without_are_demanded" {
  command = plan

  variables {
    interface_endpoints = ["glue"]
  }

  expect_failures = [var.interface_endpoints]
}

run "a_single_zone_is_refused" {
  command = plan

  variables {
    availability_zones = ["us-east-1a"]
  }

  expect_failures = [var.availability_zones]
}

run "a_range_that_is_none_is_refused" {
  command = plan

  variables {
    vpc_cidr = "10.20.0.0"
  }

  expect_failures = [var.vpc_cidr]
}

run "a_range_that_is_too_small_is_refused" {
  command = plan

  variables {
    vpc_cidr = "10.20.0.0/28"
  }

  expect_failures = [var.vpc_cidr]
}
