"""How a target is called: names, axes, constructing and trying, until a plan runs it in any setting."""
