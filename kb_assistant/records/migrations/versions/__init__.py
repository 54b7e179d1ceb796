"""One module a schema, in order: 0001, 0002 …"""
