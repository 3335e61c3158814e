# Crawlers of raw data, for looking at files before there is a contract. The pipeline itself needs none.
resource "aws_glue_crawler" "this" {
  for_each = var.crawlers

  name                   = "${var.name_prefix}-raw-${replace(each.key, "_", "-")}"
  description            = "Makes tables of what lies in ${each.value.prefix} of the raw bucket"
  database_name          = aws_glue_catalog_database.this.name
  role                   = var.crawler_role_arn
  schedule               = each.value.schedule
  security_configuration = var.security_configuration
  table_prefix           = "raw_" # the role may touch no other tables

  s3_target {
    path       = "s3://${var.bucket_names.raw}/${each.value.prefix}"
    exclusions = each.value.exclusions
  }

  # Raw files stay as they came, and so only new folders have to be looked at; nothing is ever taken out of the catalog.
  recrawl_policy {
    recrawl_behavior = "CRAWL_NEW_FOLDERS_ONLY"
  }

  schema_change_policy {
    delete_behavior = "LOG"
    update_behavior = "LOG"
  }
}
