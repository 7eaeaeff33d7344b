"""The dashboard: answers of the store -> pixels. `app.create_app` makes a board, `serve` puts it on a port.

`safety` stands before every request; `routes` are the data, in the formats of `columns`; `events` says what is new; `shell` and `pages`
lay out what the scripts in ``assets/`` draw.
"""
