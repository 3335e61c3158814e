"""Tries the whole health check on a local cloud; scripts/health_check_system.py runs it."""
