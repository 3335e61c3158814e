# The secret for personal data: processing makes the keys of hashes and tokens from it (docs/privacy.md).
# Its value comes as an ephemeral variable and goes out by a write-only argument, so it stands in no plan and no
# state. It does not rotate by itself: with a new value no new hash or token equals an old one.
resource "aws_secretsmanager_secret" "pii" {
  #checkov:skip=CKV2_AWS_57:With a new value no new hash or token in the curated tables equals an old one; docs/privacy.md tells how it is changed on purpose.
  name                    = "${var.name_prefix}-pii"
  description             = "Keys the hashes and tokens of personal data in the curated tables of ${var.name_prefix}"
  kms_key_id              = aws_kms_key.this["data"].arn
  recovery_window_in_days = var.secret_recovery_window_days
}

resource "aws_secretsmanager_secret_version" "pii" {
  secret_id                = aws_secretsmanager_secret.pii.id
  secret_string_wo         = var.pii_secret_value
  secret_string_wo_version = var.pii_secret_version
}

# One for each source that asks for credentials. Terraform makes it and who may read it; its value is put by whoever knows
# it, and stands in no plan and no state either:
#   aws secretsmanager put-secret-value --secret-id <name> --secret-string file://credentials.json
resource "aws_secretsmanager_secret" "connector" {
  #checkov:skip=CKV2_AWS_57:Who rotates the credentials of somebody else's system is theirs to say: connector_secrets takes a rotation Lambda.
  for_each = var.connector_secrets

  name                    = "${var.name_prefix}-connector-${each.key}"
  description             = each.value.description
  kms_key_id              = aws_kms_key.this["data"].arn
  recovery_window_in_days = var.secret_recovery_window_days
}

resource "aws_secretsmanager_secret_rotation" "connector" {
  #checkov:skip=CKV_AWS_304:connector_secrets refuses more than 90 days (variables.tf); the check can't read values of a map.
  for_each = { for name, secret in var.connector_secrets : name => secret.rotation if secret.rotation != null }

  secret_id           = aws_secretsmanager_secret.connector[each.key].id
  rotation_lambda_arn = each.value.lambda_arn

  rotation_rules {
    automatically_after_days = each.value.days
  }
}
