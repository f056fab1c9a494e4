"""`python -m elk.kibana`: bring what analysts use into Kibana, once."""

import sys

from contracts.errors import ConfigurationError, MillraceError
from contracts.settings import load_settings
from elk.kibana.data_views import as_ndjson, data_views
from elk.kibana.importing import import_objects


def main() -> int:
    """Import everything; 0 done, 1 a failure, 2 the caller's mistake."""
    try:
        settings = load_settings()
        if settings.kibana is None:
            raise ConfigurationError("set MILLRACE_KIBANA to Kibana's URL, http://host:5601")
        count = import_objects(settings, settings.kibana, as_ndjson(data_views(settings)))
    except MillraceError as error:
        sys.stderr.write(f"elk.kibana: {error}\n")
        return error.exit_status
    sys.stdout.write(f"Kibana at {settings.kibana} has {count} data views\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
