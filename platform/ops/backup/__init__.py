"""Backups: one archive from which a Hostel can be made again.

    archive.py    the tar: what may be in it, its manifest, its checksums
    database.py   the database in and out, by each engine's own consistent way
    making.py     taking a backup while everything serves
    restoring.py  the way back

Owns the format (docs/decisions/0013). The database comes first and content after it: content is never changed, and none of it is removed
while a backup is being made, so whatever a row refers to is there.
"""
