"""``python -m glue_health_check``."""

from glue_health_check.cli import main

if __name__ == "__main__":
    main()
