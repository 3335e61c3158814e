"""Everything that meets AWS: names, manifest, own places, the temporary job, its run, cleaning up, sweeping."""
