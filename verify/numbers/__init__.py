"""Generated modules in numbers: random cases, the complex step, differences, other engines, all evidence together."""
