"""What CONTRIBUTING says about additions: each is really made in a copy of the tree, touches what the table says, and is green there.

All are made in one copy, one after the other: the import law and the tests are started once.
"""

import pytest

from tests.docs.recipes import PAGE, RECIPES, Copy, Recipe, page

pytestmark = pytest.mark.timeout(1200)
"""A linter, and tests of a thousand cases, are started by one test."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy of the tree."""
    return Copy(tmp_path_factory.mktemp("copy"))


@pytest.fixture(scope="module")
def touched(copy: Copy) -> dict[str, set[str]]:
    """Every addition, made in the copy: the files that it touched, by the recipe's name."""
    found, before = {}, copy.files()
    for recipe in RECIPES:
        recipe.apply(copy)
        after = copy.files()
        found[recipe.name] = {path for path in after if after[path] != before.get(path)}
        before = after
    return found


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_an_addition_by_the_recipe_touches_what_the_table_says(touched: dict[str, set[str]], recipe: Recipe) -> None:
    assert touched[recipe.name] == recipe.files()


@pytest.mark.usefixtures("touched")
def test_what_the_recipes_add_keeps_the_import_law_and_is_green(copy: Copy) -> None:
    copy.lint_imports()
    copy.test(*dict.fromkeys(test for recipe in RECIPES for test in recipe.tests))


def test_what_a_recipe_comes_after_is_made_before_it() -> None:
    for number, recipe in enumerate(RECIPES):
        assert {one.name for one in recipe.after} <= {one.name for one in RECIPES[:number]}


def test_the_table_is_up_to_date() -> None:
    """If this fails: `python -m tests.docs`."""
    assert PAGE.read_text() == page()
