"""The tree of errors that Millrace raises; every message says what to do about it.

The command line prints the message alone and exits with `exit_status`: 2 for a mistake of the
caller, 3 for a server that is there and refuses, 1 for any other failure of something the caller
depends on. Only after 1 may the same command succeed a little later.
"""


class MillraceError(Exception):
    """Base of all errors that are meant for people to read."""

    exit_status = 1


class UsageError(MillraceError):
    """The caller asked for something that cannot be: a wrong name, file, column or option."""

    exit_status = 2


class ConfigurationError(UsageError):
    """A setting is missing, malformed or contradicts another."""


class UnreachableError(MillraceError):
    """Kafka, Elasticsearch or the model store did not answer."""


class AccessError(MillraceError):
    """Kafka or Elasticsearch is there, but does not trust us, is not trusted, or forbids it."""

    exit_status = 3


class DeliveryError(MillraceError):
    """Kafka refused a record or did not acknowledge it in time."""


class SignatureError(MillraceError):
    """An envelope is unsigned, altered, signed by an unknown key, or bound to something else."""


class PackageError(MillraceError):
    """A model package is absent, altered, for another environment, or cannot be loaded here."""


class VersionTakenError(PackageError):
    """A version number of a model belongs to another package already."""


class GoldenSampleError(PackageError):
    """A loaded model does not reproduce the predictions recorded when it was packaged."""


class DeploymentError(MillraceError):
    """A deployment message is not valid, or another one won its sequence number."""
