"""What each paper says, as data, and the code that reads it. Needs neither torch nor numpy."""

__version__ = "0.1.0"
