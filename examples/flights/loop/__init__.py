"""The loop on real flights: labels when they land, drift noticed, models trained again."""
