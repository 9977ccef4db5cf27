"""LTI 1.1 as plain Python: bytes and limits in, values out. No Django, no database, no network."""
