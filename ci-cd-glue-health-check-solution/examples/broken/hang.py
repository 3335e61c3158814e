"""Never ends."""

import sys
import threading

sys.stdout.write("waiting for a lock that nobody gives back\n")
sys.stdout.flush()
threading.Event().wait()
