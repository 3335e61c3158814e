"""One module for each group of services: a case in, its lines out; what is switched off has none."""
