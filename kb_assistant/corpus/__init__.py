"""Files to masked documents to chunks: one module per format, `loading` and `splitting` on top."""
