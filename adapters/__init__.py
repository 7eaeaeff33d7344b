"""Other tools' formats <-> records. One folder a tool: what it reads, what it writes, and what is lost on the way."""
