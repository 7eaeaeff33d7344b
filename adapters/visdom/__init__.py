"""Visdom: its environments, its replay logs and its protocol <-> records."""
