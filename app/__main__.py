"""`python -m app`: the same as `steward`."""

from app.cli import main

if __name__ == "__main__":
    main()
