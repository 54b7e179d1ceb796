"""Serve the page and the API with the settings of the environment; the same as `kb serve`."""

from kb_assistant.cli import main

if __name__ == "__main__":
    main(["serve"])
