"""The pipeline's library, one room per step of the flow.

contracts -> discovery -> readers -> standardise -> ledger -> tables -> transform -> dqdl -> scoring -> report

Spark code is pure ``DataFrame -> DataFrame``; reading and writing stay at the edges. The flows
(:mod:`etl.ingestion`, :mod:`etl.processing`, :mod:`etl.quality`, :mod:`etl.streaming`) put the rooms together for the
jobs.
"""
