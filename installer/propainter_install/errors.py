"""The one error of the installer."""


class InstallError(Exception):
    """What the user can put right, as one sentence: the thing, the value, the way out."""
