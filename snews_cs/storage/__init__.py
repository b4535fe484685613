"""Where things are kept: the journal, the engine's snapshots, and the projections made of the journal."""
