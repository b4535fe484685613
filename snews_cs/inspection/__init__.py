"""Looking into a store, beside the servers that work with it: what is in the journal, how things stand, a replay."""
