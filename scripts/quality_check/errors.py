"""The one error of the command."""


class CheckError(Exception):
    """The check can't be made; the message says what is wrong and what would be right. Exit code 2."""
