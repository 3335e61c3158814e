# Log groups and the queries over them. Alarms, dashboards and cost have files of their own.
data "aws_region" "current" {}

locals {
  region = data.aws_region.current.name
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = var.log_group_names

  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_cloudwatch_query_definition" "this" {
  for_each = var.saved_queries

  name            = "${var.name_prefix}/${each.key}"
  query_string    = each.value.query
  log_group_names = [for key in sort(each.value.log_groups) : aws_cloudwatch_log_group.this[key].name]
}
