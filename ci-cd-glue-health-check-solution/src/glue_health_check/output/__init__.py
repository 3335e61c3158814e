"""Looks at what a job wrote: schema, rows, rules, and writes outside its places."""
