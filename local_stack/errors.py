"""What can go wrong with the local stack, each error one sentence that says what to do."""


class LocalStackError(Exception):
    """Any failure of the local stack; the message is meant to be shown to the user as it is."""


class LockFileError(LocalStackError):
    """The list of pinned artifacts is missing or damaged."""


class DownloadError(LocalStackError):
    """An artifact could not be downloaded (no network, refused, not found)."""


class ChecksumError(LocalStackError):
    """What was downloaded is not what the lock file pins."""


class DiskSpaceError(LocalStackError):
    """Too little disk for the programs or the data."""


class PlatformError(LocalStackError):
    """No Java runtime for this platform, or no unprivileged user to run as."""


class HomeError(LocalStackError):
    """The cache directory cannot be used by the users that need it."""


class PortInUseError(LocalStackError):
    """A port that was asked for by number is taken by another program."""


class StartError(LocalStackError):
    """Kafka or Elasticsearch did not become healthy; the message holds the gist of its log."""


class StopError(LocalStackError):
    """A process could not be ended."""


class AlreadyRunningError(LocalStackError):
    """The project's stack or service runs already, in a way that contradicts what was asked."""


class NotRunningError(LocalStackError):
    """What was to be acted on does not run."""
