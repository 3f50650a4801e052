"""What is right or wrong under a reading that nothing in the note settles is left open."""
