"""The exit statuses of the command."""

FINISHED = 0  # all reproduced, or read
NOT_REPRODUCED = 1  # something was not reproduced or is inconclusive, or a check found problems
BAD_INPUT = 2  # wrong usage, or input that cannot be read
RUN_FAILED = 3  # an error in a run
INTERRUPTED = 130  # by Ctrl-C
READER_GONE = 141  # the program that read the output closed it
