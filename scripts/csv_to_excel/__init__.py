"""CSV files as Excel workbooks: read twice as a stream, once to know the columns and once to write them."""
