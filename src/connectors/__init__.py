"""Connectors: fetch rows from APIs and databases and put them into raw as files, each exactly once.

Shared by the Lambda ``api_connector`` and the Glue Python-shell job ``database_ingestion``. Glue's Python shell runs
Python 3.9, so nothing here may need a newer one. The modules read in the order of a load: model -> reading -> values ->
windows -> cursors -> parts -> loading; ``database`` is one source of rows, the Lambda's ``rest`` the other.
"""
