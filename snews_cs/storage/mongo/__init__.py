"""The store in MongoDB: each part of it knows its own collections."""
