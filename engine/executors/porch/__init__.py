"""Packages written through the porch API: its objects, its calls, and the executor over them."""
