"""A formula to be checked -> what it says, before its conventions are known."""
