# The way to the internet, for sources that lie there. Off by default: with it, data can leave by other ways than
# endpoints, and it costs by the hour and by the gigabyte. One gateway serves all zones; should its zone fail, jobs of the
# others still reach AWS through the endpoints.
locals {
  nat = local.own && var.enable_nat_gateway ? { nat = var.availability_zones[0] } : {}
}

resource "aws_internet_gateway" "this" {
  for_each = local.nat

  vpc_id = local.vpc_id

  tags = { Name = var.name_prefix }
}

# The last sixteenth of the range; private subnets take theirs from the first on.
resource "aws_subnet" "public" {
  for_each = local.nat

  vpc_id            = local.vpc_id
  availability_zone = each.value
  cidr_block        = cidrsubnet(var.vpc_cidr, 4, 15)

  tags = { Name = "${var.name_prefix}-public-${each.value}" }
}

resource "aws_route_table" "public" {
  for_each = local.nat

  vpc_id = local.vpc_id

  tags = { Name = "${var.name_prefix}-public" }
}

resource "aws_route" "public" {
  for_each = local.nat

  route_table_id         = aws_route_table.public[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[each.key].id
}

resource "aws_route_table_association" "public" {
  for_each = local.nat

  subnet_id      = aws_subnet.public[each.key].id
  route_table_id = aws_route_table.public[each.key].id
}

resource "aws_eip" "nat" {
  for_each = local.nat

  domain = "vpc"

  tags = { Name = "${var.name_prefix}-nat" }
}

resource "aws_nat_gateway" "this" {
  for_each = local.nat

  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id

  tags = { Name = var.name_prefix }

  # Its address is reached by way of the internet gateway.
  depends_on = [aws_internet_gateway.this]
}

# Gateway endpoints are more specific, so S3 and DynamoDB are still reached through them.
resource "aws_route" "private_to_internet" {
  for_each = local.nat

  route_table_id         = aws_route_table.private[0].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[each.key].id
}

resource "aws_vpc_security_group_egress_rule" "glue_internet" {
  for_each = length(local.nat) > 0 ? { for port in var.internet_ports : tostring(port) => port } : {}

  security_group_id = aws_security_group.glue["glue"].id
  description       = "Port ${each.key} of sources in the internet"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}
