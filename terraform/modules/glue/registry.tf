# A JSON schema of every contract, for producers of streams: their serializers refuse what the contract does not know
# before it is sent. The pipeline itself reads the contracts.
locals {
  # Types of contracts by what they begin with; what is in arrays and structs stays open.
  json_types = {
    array     = { type = ["array", "null"] }
    bigint    = { type = ["integer", "null"] }
    boolean   = { type = ["boolean", "null"] }
    date      = { type = ["string", "null"], format = "date" }
    decimal   = { type = ["number", "null"] }
    double    = { type = ["number", "null"] }
    float     = { type = ["number", "null"] }
    int       = { type = ["integer", "null"] }
    integer   = { type = ["integer", "null"] }
    long      = { type = ["integer", "null"] }
    map       = { type = ["object", "null"] }
    short     = { type = ["integer", "null"] }
    smallint  = { type = ["integer", "null"] }
    string    = { type = ["string", "null"] }
    struct    = { type = ["object", "null"] }
    timestamp = { type = ["string", "null"], format = "date-time" }
    tinyint   = { type = ["integer", "null"] }
  }

  schemas = { for name, contract in local.contracts : name => {
    "$schema"            = "http://json-schema.org/draft-07/schema#"
    title                = name
    description          = try(contract.description, "")
    type                 = "object"
    additionalProperties = false
    required             = [for column in try(contract.columns, []) : column.name if try(column.required, false)]
    properties = { for column in try(contract.columns, []) : column.name => merge(
      lookup(local.json_types, try(regex("^[a-z]+", column.type), "-"), {}),
      try({ description = column.description }, {}),
    ) }
  } if var.enable_schema_registry && length(try(contract.columns, [])) > 0 }
}

resource "aws_glue_registry" "this" {
  count = var.enable_schema_registry ? 1 : 0

  registry_name = var.name_prefix
  description   = "What may be sent to ${var.name_prefix}, by dataset"
}

resource "aws_glue_schema" "this" {
  for_each = local.schemas

  registry_arn      = aws_glue_registry.this[0].arn
  schema_name       = each.key
  description       = "Records of ${each.key}"
  data_format       = "JSON"
  compatibility     = var.schema_compatibility
  schema_definition = jsonencode(each.value)
}
