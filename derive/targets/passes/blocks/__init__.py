"""Passes for the loop over blocks of steps in `backward`: what holds a block, what holds some, what is filled again."""
