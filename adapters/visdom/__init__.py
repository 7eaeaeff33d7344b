"""Visdom's files and protocol <-> crossboard records.

Formats: the JSON of an environment and the log of messages, of Visdom 0.2.4 and 0.3.0 (visdom/utils/server_utils.py,
visdom/data_model/json_store.py and visdom/__init__.py of those versions).
Carried: every pane as it stands; every trace with numbers over x also as a scalar series; pictures, sounds, videos, texts, SVG,
figures, networks, embeddings, properties and experiments also as points of their kinds.
Lost on import: nothing that a Visdom server keeps. Visdom itself keeps no time and no step: a point's wall time is the file's.
"""
