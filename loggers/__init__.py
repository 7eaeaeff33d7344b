"""Training -> store: the run handle and what turns its calls into journal bytes. Start reading at `session`."""
