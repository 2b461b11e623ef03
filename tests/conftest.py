"""What holds for every test."""

import os
import signal

# A background job inherits an ignored SIGINT, and so would every process that a test starts: Ctrl-C
# would do nothing.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A console that is made where COLUMNS is set, as xdist does, keeps that width whatever a test sets.
os.environ.pop("COLUMNS", None)
