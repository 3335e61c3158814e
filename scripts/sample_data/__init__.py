"""The parts of the sample data generator: columns, rows, defects and file formats."""
