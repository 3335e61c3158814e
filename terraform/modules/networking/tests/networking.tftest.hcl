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

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name_prefix        = "demo-test"
  availability_zones = ["us-east-1a", "us-east-1b"]
  flow_log_role_arn  = "arn:aws:iam::123456789012:role/demo-test-vpc-flow-logs"
  flow_log_group_arn = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/vpc/demo-test"
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
    condition     = aws_vpc_security_group_ingress_rule.glue_self.ip_protocol == "-1" && aws_vpc_security_group_egress_rule.glue_self.ip_protocol == "-1"
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
