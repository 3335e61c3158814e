"""Python steps of datasets, for what SQL can't say: a module ``<dataset>.py`` here is found by its name.

It has one pure function, which is given the batch's rows after the SQL steps and returns the rows that go on::

    from pyspark.sql import DataFrame
    from pyspark.sql import functions as F

    from etl.transform.python_step import Context

    def transform(df: DataFrame, context: Context) -> DataFrame:
        rates = context.tables["rates"].select("currency", "rate")
        priced = df.join(rates, on="currency", how="left")
        return priced.withColumn("amount_eur", F.round(F.col("amount") * F.col("rate"), 2)).drop("rate")

``context`` has ``dataset``, ``batch_id``, ``contract`` and ``tables`` (the current rows of the curated tables of the
contract's ``uses``, by dataset). The function reads and writes nothing else and asks for no result (``count``,
``collect``): its rows are computed several times, in the survey, for quarantine and for the table, and a run that was
killed computes them again, so the same rows must come out every time (no random numbers, no clock).

The result has the key, the columns of ``order_by`` and ``event_date``; the pipeline's own columns (``_batch_id``,
``_flags``, ...) are put back where a ``select`` left them out. Rows may become more or fewer.
"""
