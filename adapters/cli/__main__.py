"""`python -m adapters.cli`: the `annals` command, as the script of that name."""

from adapters.cli.main import main

if __name__ == "__main__":
    main()
