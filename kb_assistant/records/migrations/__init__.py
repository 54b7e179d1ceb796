"""Alembic's folder: `env.py` and `versions/`, run by `records.database` with no alembic.ini.

To change a table: edit `tables.py`, add `versions/NNNN_what.py` by hand, set `database.HEAD` to it.
A migration never imports `tables.py`, which has moved on by the time it runs. There is no downgrade:
going back means bringing back a backup.
"""
