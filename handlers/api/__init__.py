"""The JSON API (``/api/v1``): ``routes`` is the contract, one line an operation."""
