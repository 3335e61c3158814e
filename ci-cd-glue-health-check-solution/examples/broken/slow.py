"""Works, but never ends."""

import sys
import time

for number in range(1_000_000):
    sys.stdout.write(f"order {number} is done\n")
    sys.stdout.flush()
    time.sleep(0.2)
