"""The one exception that is a user's to mend."""


class InputError(ValueError):
    """Something the user gave (a parameter, a file, a folder) cannot be used.

    The message is one line: the culprit by name, the value it had, what is valid, and the way out. The command line
    prints it without a traceback and exits with a code other than 0.
    """
