"""The console: a local page that shows the dashboards where there is no Kibana.

It knows Elasticsearch alone and changes nothing. `serving.run` is the service; `server.application`
the web application, whose pages ask `/api/...` for one panel at a time.
"""
