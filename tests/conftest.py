"""What holds for every test."""

import signal

# A background job inherits an ignored SIGINT, and so would every process that a test starts: Ctrl-C
# would do nothing.
signal.signal(signal.SIGINT, signal.default_int_handler)
