"""Late features measured, one row a choice of them."""
