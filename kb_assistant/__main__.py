"""`python -m kb_assistant` is the `kb` command."""

from kb_assistant.cli import main

main()
