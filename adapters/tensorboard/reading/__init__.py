"""Event files -> records and points: everything that TensorBoard reads, live and in place. Start reading at `source`."""
