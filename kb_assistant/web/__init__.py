"""The HTTP endpoint and the page."""
