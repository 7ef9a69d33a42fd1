"""What CONTRIBUTING says about additions: each is really made in a copy of the tree, is green there, and touches what the table says."""

from pathlib import Path

import pytest

from tests.docs.recipes import PAGE, RECIPES, Copy, Recipe, page


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_an_addition_by_the_recipe_is_green_and_touches_what_the_table_says(recipe: Recipe, tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    for earlier in recipe.after:
        earlier.apply(copy)
    before = copy.files()

    recipe.apply(copy)

    after = copy.files()
    assert {path for path in after if after[path] != before.get(path)} == recipe.files()
    copy.lint_imports()
    copy.test(*recipe.tests)


def test_the_table_is_up_to_date() -> None:
    """If this fails: `python -m tests.docs`."""
    assert PAGE.read_text() == page()
