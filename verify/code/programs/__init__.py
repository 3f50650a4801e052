"""What a program computes that follows a derivation, right or mistaken, and what is true."""
