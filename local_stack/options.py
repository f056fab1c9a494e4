"""What one may ask of a stack beyond its defaults."""

import msgspec


class Options(msgspec.Struct, frozen=True):
    """Ports by number (None: any free one) and settings on top of the defaults.

    `kafka_listeners` maps the names of further Kafka listeners to their protocols, such as
    `{"SECURE": "SASL_SSL"}`; each gets a free port of its own, and its settings go into
    `kafka_settings` under `listener.name.secure.…` (keys and certificates inline, as PEM).
    `elasticsearch_password` is that of the user `elastic` and turns security on; it takes effect
    on new data only. `elasticsearch_files` are further files of its configuration by name, such as
    certificates, or the `roles.yml`, `users` and `users_roles` of its file realm;
    `elasticsearch_ca` turns its endpoint into HTTPS, judged by that authority (PEM).
    `short_lived` servers need a third less processor time until they answer, and are not as fast
    later on.
    """

    kafka_port: int | None = None
    elasticsearch_port: int | None = None
    kafka_settings: dict[str, str] = {}
    kafka_listeners: dict[str, str] = {}
    elasticsearch_settings: dict[str, str | int | bool] = {}
    elasticsearch_password: str | None = None
    elasticsearch_files: dict[str, str] = {}
    elasticsearch_ca: str | None = None
    short_lived: bool = False

    @property
    def java(self) -> tuple[str, ...]:
        """Options of Java: its second compiler takes time for code that is fast later on."""
        return ("-XX:TieredStopAtLevel=1",) if self.short_lived else ()
