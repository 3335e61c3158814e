"""Reading: the files of a batch, whatever they are, as one frame of text columns.

In the order of a file's way: :mod:`~etl.reading.batch_files` asks :mod:`~etl.reading.formats` what each file is (with
``packing``, ``json_shape`` and ``csv_dialect``), has those rewritten that Spark can't read as they lie (``staging``,
``excel``), looks at large CSV files as a whole (``csv_survey``), and reads files of one kind together (``readers``,
and a reader each for JSON, Avro, and Parquet and ORC).
"""
