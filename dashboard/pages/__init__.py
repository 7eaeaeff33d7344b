"""One module a page: what it shows, its ids, its layout, its callbacks."""
