"""`python -m bench [NAME] [--seconds N] [--json]`."""

from bench.catalogue import main

if __name__ == "__main__":
    main()
