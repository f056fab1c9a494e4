"""What Kibana would only say when somebody looks: checks of saved objects, without a Kibana."""
