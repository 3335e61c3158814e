# The secret for personal data: processing makes the keys of hashes and tokens from it (docs/privacy.md).
# Its value comes as an ephemeral variable and goes out by a write-only argument, so it stands in no plan and no
# state. It does not rotate by itself: with a new value no new hash or token equals an old one.
resource "aws_secretsmanager_secret" "pii" {
  #checkov:skip=CKV2_AWS_57:With a new value no new hash or token in the curated tables equals an old one; docs/privacy.md tells how it is changed on purpose.
  name                    = "${var.name_prefix}-pii"
  description             = "Keys the hashes and tokens of personal data in the curated tables of ${var.name_prefix}"
  kms_key_id              = aws_kms_key.this.arn
  recovery_window_in_days = var.secret_recovery_window_days
}

resource "aws_secretsmanager_secret_version" "pii" {
  secret_id                = aws_secretsmanager_secret.pii.id
  secret_string_wo         = var.pii_secret_value
  secret_string_wo_version = var.pii_secret_version
}
