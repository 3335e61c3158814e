"""Dataset contracts (datasets/*.yml) and the JSON Schema that checks them."""
