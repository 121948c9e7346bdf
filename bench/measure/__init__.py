"""Measures what a run costs the controller and the cluster, in turns with plain Jobs."""
