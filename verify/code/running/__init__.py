"""A person's file as something that can be called: a process of its own, with limits; what is in it, and the target."""
