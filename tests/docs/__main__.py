"""`python -m tests.docs`, a part of `make pages`, writes the pages anew that are generated from the code."""

from tests.docs import error_codes, recipes

if __name__ == "__main__":
    error_codes.PAGE.write_text(error_codes.page())
    recipes.PAGE.write_text(recipes.page())
