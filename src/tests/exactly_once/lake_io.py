"""Files of the lake for pyiceberg: ``s3://<bucket>/<key>`` is a file below the lake's folder."""

from __future__ import annotations

from pyiceberg.io import InputFile
from pyiceberg.io.pyarrow import PyArrowFileIO


class LakeIO(PyArrowFileIO):
    """Reads what jobs have written to the folders behind buckets; the property ``lake`` names their parent."""

    def new_input(self, location: str) -> InputFile:  # type: ignore[override]
        """The file behind an address."""
        return super().new_input(location.replace("s3://", f"{self.properties['lake']}/"))
