"""The one exception that a user can fix."""


class InputError(ValueError):
    """Something the user gave (a parameter, a file, a folder) cannot be used.

    The message is one line: the offending value by name, the value it had, what is valid, and a hint. The command line
    prints it without a traceback and exits with a code other than 0.
    """
