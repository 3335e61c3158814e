# The webhook's address. Anybody may call it, since GitHub can't sign for AWS: the Lambda takes only bodies that bear
# the HMAC of the webhook's secret, and may do nothing but note them and fill one queue.
resource "aws_lambda_function_url" "webhook" {
  #checkov:skip=CKV_AWS_258:GitHub has no credentials of AWS; the Lambda checks GitHub's signature.
  count = var.webhook.enabled ? 1 : 0

  function_name      = aws_lambda_function.this["webhook"].function_name
  authorization_type = "NONE"
}

resource "aws_lambda_permission" "url" {
  #checkov:skip=CKV_AWS_301:As above; what calls without GitHub's signature gets 401.
  count = var.webhook.enabled ? 1 : 0

  statement_id           = "FunctionUrl"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.this["webhook"].function_name
  principal              = "*"
  function_url_auth_type = "NONE"
}

# New function URLs need this, too (since October 2025). AWS has a condition that keeps it to calls of the URL, which
# this version of the provider can't express; a call past the URL needs GitHub's signature as well.
resource "aws_lambda_permission" "invoke" {
  #checkov:skip=CKV_AWS_301:As above; what calls without GitHub's signature gets 401.
  count = var.webhook.enabled ? 1 : 0

  statement_id  = "FunctionUrlInvoke"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this["webhook"].function_name
  principal     = "*"
}
