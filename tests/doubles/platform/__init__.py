"""
Fakes of the Open edX platform: as much of it as ``signatures.py`` lists, and not a name more.

The folder is put on ``sys.path`` by the fixture ``platform`` of ``tests/host_contract`` only. What the adapter touches
beyond the list is an ``ImportError`` or an ``AttributeError``, so a new call has to be written down first. The facts of
the platform that bite are built in. What the fakes answer from is in ``scene.py``.
"""
