"""Programs that do the worker's main job with other libraries, and as their documentation says."""
