# One role per job, per Lambda, and per service that works beside them. What each may do is an inline policy: it lives
# and dies with its role, and nothing else can attach it.
locals {
  grants = merge(
    local.job_grants,
    local.lambda_grants,
    local.connector_job_grants,
    local.connector_lambda_grants,
    { for role, statements in local.service_grants : role => statements if contains(var.service_roles, role) },
  )

  principals = merge(
    { for role in keys(merge(local.job_grants, local.connector_job_grants)) : role => "glue.amazonaws.com" },
    { for role in keys(merge(local.lambda_grants, local.connector_lambda_grants)) : role => "lambda.amazonaws.com" },
    { for role, principal in local.service_principals : role => principal if contains(var.service_roles, role) },
  )

  # Whoever may ask the service to use a role must be of this account. Glue and Lambda say nothing of the sort when they
  # take a role (and take none of another account), so a condition would lock them out.
  trust_conditions = {
    streaming     = { StringEquals = { "aws:SourceAccount" = local.account } }
    vpc_flow_logs = { StringEquals = { "aws:SourceAccount" = local.account } }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.principals

  name                 = "${var.name_prefix}-${replace(each.key, "_", "-")}"
  description          = "Used by ${each.key} of ${var.name_prefix}, and by nothing else"
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(
      {
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = each.value }
      },
      { for name, condition in local.trust_conditions : "Condition" => condition if name == each.key },
    )]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.principals

  name = "grants"
  role = aws_iam_role.this[each.key].id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.grants[each.key]
  })
}

# By itself, because it waits for the subnets, and the VPC's flow logs wait for their role.
resource "aws_iam_role_policy" "network" {
  for_each = var.enable_vpc ? toset(keys(merge(local.job_grants, local.connector_job_grants))) : toset([])

  name = "network"
  role = aws_iam_role.this[each.key].id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.network_job_grants
  })
}
