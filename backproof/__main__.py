"""`python -m backproof`."""

from backproof import main

if __name__ == "__main__":
    main()
