"""Variables that are misspelt do not pass in silence."""

from contracts.settings import unknown_variables


def test_a_misspelt_variable_is_told_with_what_was_meant() -> None:
    given = {
        "MILLRACE_WORKER_BACH": "5",
        "MILLRACE_ZZZZ": "1",
        "MILLRACE_WORKER_BATCH": "5",
        "MILLRACE_KAFKA_PASSWORD_FILE": "/x",
        "MILLRACE_HOME": "/x",
        "HOME": "/x",
    }
    assert unknown_variables(given) == {
        "MILLRACE_WORKER_BACH": "MILLRACE_WORKER_BATCH",
        "MILLRACE_ZZZZ": None,
    }
