"""Serve the page and the API with the settings of the environment; the same as `kb serve`."""

from kb_assistant.settings import Settings
from kb_assistant.web.server import serve

if __name__ == "__main__":
    serve(Settings())
