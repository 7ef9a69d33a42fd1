"""The pages: what they show runs, what they name exists, what is generated is up to date."""
