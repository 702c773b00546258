"""What each paper says, as data, and the code that reads it. Needs neither torch nor numpy."""
