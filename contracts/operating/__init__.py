"""What every long-running service offers its operators: health, metrics and figures."""
