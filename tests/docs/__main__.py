"""`python -m tests.docs`, a part of `make pages`, writes anew what is generated: pages from the code, a table from a library."""

from tests.docs import error_codes, recipes, withdrawn_currencies

if __name__ == "__main__":
    error_codes.PAGE.write_text(error_codes.page())
    recipes.PAGE.write_text(recipes.page())
    withdrawn_currencies.PAGE.write_text(withdrawn_currencies.page())
