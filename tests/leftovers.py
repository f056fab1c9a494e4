"""What tests leave behind in Elasticsearch, which all of them share."""

from elasticsearch import Elasticsearch

from contracts.settings import Settings


def delete_documents(settings: Settings) -> None:
    """Delete all indices and index templates whose names begin with the prefix."""
    with Elasticsearch(settings.elasticsearch_url, request_timeout=60) as client:
        names = list(client.indices.get(index=f"{settings.index_prefix}-*", expand_wildcards="all"))
        if names:
            client.options(ignore_status=404).indices.delete(index=names)
        client.options(ignore_status=404).indices.delete_index_template(
            name=f"{settings.index_prefix}*"
        )
