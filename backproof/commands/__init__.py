"""The commands, a room for each kind; each is one short function with no logic of its own."""
