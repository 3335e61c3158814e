"""Streaming: every micro-batch of a stream becomes an ordinary batch of the ledger.

settings -> checkpoint -> sources -> landing -> epochs -> query
"""
