"""``python -m local_cloud``."""

from local_cloud.cli import app

if __name__ == "__main__":
    app()
