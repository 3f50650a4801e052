"""What a document leaves open: found, asked for in one message, and followed up."""
